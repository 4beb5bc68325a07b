/** Compares who may do something. */
import type { Fields } from "../../../core/json-schema/documents.ts";
import { shown } from "./change.ts";
import type { Comparison } from "./pair.ts";
import { fields, list, type Source } from "./source.ts";

/** Whoever could call an operation must still be able to, without more than he had. */
export function compareSecurity(
  operation: string,
  before: unknown,
  after: unknown,
  comparison: Comparison,
): void {
  const [old, now] = [waysOf(before, comparison.before), waysOf(after, comparison.after)];
  for (const way of old.filter((one) => !now.some((other) => asksNoMore(other, one)))) {
    const message = `can no longer be called with ${wordsOf(way)}, but with ${now.map(wordsOf).join(", or ")}`;
    comparison.changes.add("breaking", "security-tightened", operation, message);
  }
  for (const way of now.filter((one) => !old.some((other) => asksNoMore(other, one)))) {
    comparison.changes.add(
      "addition",
      "security-added",
      operation,
      `can be called with ${wordsOf(way)}, too`,
    );
  }
}

/** What the document says for all operations counts where one says nothing. No way at all is: without anything. */
function waysOf(own: unknown, { root }: Source): Fields[] {
  const ways = list(own ?? root["security"]).map(fields);
  return ways.length === 0 ? [{}] : ways;
}

function asksNoMore(way: Fields, than: Fields): boolean {
  return Object.entries(way).every(([scheme, scopes]) => {
    const given = than[scheme];
    return given !== undefined && list(scopes).every((scope) => list(given).includes(scope));
  });
}

function wordsOf(way: Fields): string {
  const parts = Object.entries(way).map(([scheme, scopes]) => {
    const names = list(scopes);
    return names.length === 0 ? scheme : `${scheme} and ${names.join(", ")}`;
  });
  return parts.length === 0 ? "nothing" : parts.join(" together with ");
}

/** What a scheme is: how a credential is written, and where. */
const MEANING = ["type", "in", "name", "scheme", "openIdConnectUrl"] as const;

export function compareSchemes({ before, after, changes }: Comparison): void {
  const [old, now] = [schemesOf(before), schemesOf(after)];
  for (const [name, one] of Object.entries(old)) {
    if (!(name in now)) {
      changes.add("breaking", "security-scheme-removed", `the security scheme ${name}`, "is gone");
      continue;
    }
    const [was, is] = [before.follow(one), after.follow(now[name])];
    for (const word of MEANING) {
      if (was[word] === is[word]) continue;
      changes.add(
        "breaking",
        "security-scheme-changed",
        `the security scheme ${name}`,
        `has another ${word}: it was ${shown(was[word])} and is ${shown(is[word])}`,
      );
    }
  }
}

const schemesOf = ({ root }: Source): Fields => fields(fields(root["components"])["securitySchemes"]);
