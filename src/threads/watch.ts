import { stat } from "node:fs/promises";

/** Often enough that nobody waits for it, rarely enough to cost nothing. */
const LOOK_EVERY_MS = 250;

export interface FileWatch {
  /** The state that later ones are compared with is known. */
  readonly ready: Promise<void>;
  close(): void;
}

/**
 * Calls `changed` when one of the files has become another. It looks at the paths instead of being told by the
 * system, because a mounted config is replaced by turning a symbolic link, which watchers miss. A file that is
 * being written is left to rest first, but not longer than one more look.
 */
export function watchFiles(files: () => Iterable<string>, changed: () => void): FileWatch {
  let known: string | null = null;
  let settling: string | null = null;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    const seen = (await Promise.all([...files()].map(fingerprint))).join("\n");
    looking = false;
    if (known === null) known = seen;
    else if (seen === known) settling = null;
    else if (settling === null) settling = seen;
    else {
      known = seen;
      settling = null;
      changed();
    }
  };
  const ready = look();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
  return { ready, close: () => clearInterval(timer) };
}

/** The file behind a name, and its state. One that is missing for a moment is as it was when it comes back. */
async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${file} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return `${file} missing`;
  }
}
