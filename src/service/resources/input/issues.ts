import { type ErrorDetail, GatewayError } from "../../../core/errors.ts";
import { type FieldPath, fieldText, type Location } from "../../../core/field-path.ts";

/** One more than an answer lists, so that it can say that there are more. */
const MOST = 101;

/** Collects what is wrong with one request (ERR-4), in the order in which it is found. */
export class Issues {
  readonly #details: ErrorDetail[];
  #path: FieldPath = [];
  #location: Location | undefined;

  constructor(found: readonly ErrorDetail[] = []) {
    this.#details = [...found];
  }

  get details(): readonly ErrorDetail[] {
    return this.#details;
  }

  get count(): number {
    return this.#details.length;
  }

  /** Whether anything more would not be told. */
  get full(): boolean {
    return this.#details.length >= MOST;
  }

  /** What is said from now on is said of this place. */
  at(path: FieldPath, location?: Location): this {
    this.#path = path;
    this.#location = location;
    return this;
  }

  /** `below` leads on from the place. */
  say(issue: string, below?: FieldPath): void {
    if (this.full) return;
    const path = below === undefined ? this.#path : [...this.#path, ...below];
    this.#details.push({ field: fieldText(path, this.#location), issue });
  }

  /** @throws GatewayError VALIDATION_ERROR if anything has been said. */
  refuse(): void {
    if (this.#details.length > 0) throw new GatewayError("VALIDATION_ERROR", { details: this.#details });
  }
}
