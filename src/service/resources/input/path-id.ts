/** The id in a path: one that no object can have is not asked for. */
import type { Resource } from "../../../core/resource.ts";
import { Issues } from "./issues.ts";
import { textReader } from "./text-values.ts";

const LONGEST = 255;
/** Whatever the prefix: objects keep the ids that they were made with when the prefix of the config changes. */
const PREFIXED = /^[a-z][a-z0-9]{0,15}_[0-9A-Za-z_-]{1,128}$/;

export type IdReader = (text: string) => string | number | null;

export function idReader({ id, idRule }: Pick<Resource, "id" | "idRule">): IdReader {
  if (idRule.kind === "prefix") return (text) => (PREFIXED.test(text) ? text : null);
  const read = textReader(id);
  return (text) => {
    if (text === "" || text.length > LONGEST) return null;
    const value = read(text, new Issues());
    return typeof value === "string" || typeof value === "number" ? value : null;
  };
}
