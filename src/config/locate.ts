import { type Finding, type Problem, pathText } from "./problem.ts";
import type { Source } from "./source.ts";
import { withoutSecrets } from "./variables.ts";

/** Findings with their places, in the order of the file. */
export function locate(source: Source, findings: readonly Finding[]): Problem[] {
  const problems = withoutConsequences(findings).map((finding): Problem => {
    const { path, message } = withoutSecrets(finding, source);
    const place = source.place(path, finding.key === true ? "key" : "value");
    return { path: pathText(path), message, file: source.file, ...place };
  });
  return problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** Leaves out what follows from something else that is said. */
function withoutConsequences(findings: readonly Finding[]): Finding[] {
  const whole = findings.filter(({ path }) => path.length === 0);
  if (whole.length > 0) return whole;
  const meant = new Set(
    findings.flatMap(({ path, meant: key }) =>
      key === undefined ? [] : pathText([...path.slice(0, -1), key]),
    ),
  );
  const first = new Map<string, string>();
  return findings.filter(({ path, message, missing }) => {
    const parent = path.slice(0, -1);
    // The missing key is the misspelt one, or what a merge key was to bring.
    if (missing === true && (meant.has(pathText(path)) || meant.has(pathText([...parent, "<<"]))))
      return false;
    const text = pathText(path);
    const said = first.get(text) ?? message;
    first.set(text, said);
    return said === message;
  });
}
