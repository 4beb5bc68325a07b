import { type Finding, type Path, pathText } from "./problem.ts";

/** Collects what checks find; the same thing found on two ways is said once. */
export class Report {
  readonly errors: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly #said = new Set<string>();

  error(path: Path, message: string): void {
    this.#add(this.errors, { path, message });
  }

  /** About the key itself, not about what it holds. */
  keyError(path: Path, message: string): void {
    this.#add(this.errors, { path, key: true, message });
  }

  /** Works, but is hardly meant. */
  warn(path: Path, message: string): void {
    this.#add(this.warnings, { path, message });
  }

  keyWarn(path: Path, message: string): void {
    this.#add(this.warnings, { path, key: true, message });
  }

  addErrors(findings: readonly Finding[]): void {
    for (const finding of findings) this.#add(this.errors, finding);
  }

  #add(list: Finding[], finding: Finding): void {
    const text = `${pathText(finding.path)}: ${finding.message}`;
    if (!this.#said.has(text)) list.push(finding);
    this.#said.add(text);
  }
}
