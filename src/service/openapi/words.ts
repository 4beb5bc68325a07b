import type { Resource } from "../../core/resource.ts";

/** `order line`, for sentences. */
export const wordsOf = ({ singular }: Pick<Resource, "singular">): string => singular.replaceAll("_", " ");

/** `an order line` */
export function aWord(resource: Pick<Resource, "singular">): string {
  const words = wordsOf(resource);
  return `${/^[aeio]/.test(words) ? "an" : "a"} ${words}`;
}
