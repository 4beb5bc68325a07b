/** A sentence for the user, with the exit code that goes with it. */
export class Refusal extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.name = "Refusal";
    this.exitCode = exitCode;
  }
}
