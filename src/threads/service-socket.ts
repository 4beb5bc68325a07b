import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A system's limit for the name of a Unix socket, with the zero behind it (104 on BSD, 108 on Linux). */
const LONGEST = 103;

/**
 * Where the lanes and the service thread of this process meet: a Unix socket in a folder that only this user may enter.
 * Its name is drawn anew for each process, so that what another one left behind is in nobody's way.
 */
export class ServiceSocket {
  readonly path: string;
  readonly #folder: string;
  #made = false;

  constructor() {
    const name = `turnpike-${randomBytes(9).toString("base64url")}`;
    const temporary = tmpdir();
    const fits = join(temporary, name, "s").length <= LONGEST;
    this.#folder = join(fits ? temporary : "/tmp", name);
    this.path = join(this.#folder, "s");
  }

  /**
   * Once there is a config that needs it.
   *
   * @throws Error where somebody else has made it: it cannot be trusted then.
   */
  makeFolder(wanted: string | null): void {
    if (wanted === null || this.#made) return;
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#made = true;
  }

  remove(): void {
    if (this.#made) rmSync(this.#folder, { recursive: true, force: true });
    this.#made = false;
  }
}
