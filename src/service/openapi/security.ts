/** Who may call an operation: with a key or a token, and which scopes. */
import type { Access, Resource } from "../../core/resource.ts";
import type { Json, Making } from "./types.ts";

type Requirement = readonly Json[];

const SCHEMES = ["apiKey", "bearer"] as const;

const DESCRIBED: Readonly<Record<(typeof SCHEMES)[number], Json>> = {
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "An API key." },
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An API key or an access token in `Authorization: Bearer`.",
  },
};

/** What an operation needs that has to be allowed in all of these ways. Objects that belong to somebody are shown to nobody in particular. */
export function securityOf(
  access: readonly Access[],
  concerned: readonly Resource[],
  { components }: Pick<Making, "components">,
): Requirement {
  for (const scheme of SCHEMES) components.ref("securitySchemes", scheme, () => DESCRIBED[scheme]);
  const sets = access.reduce(both, [[]] as readonly (readonly string[])[]);
  const requirements = SCHEMES.flatMap((scheme) => sets.map((scopes) => ({ [scheme]: scopes })));
  const isPublic = access.every((one) => one === "public") && concerned.every(({ owner }) => owner === null);
  return isPublic ? [{}, ...requirements] : requirements;
}

/** One scope of each is needed: every choice is a way. */
function both(sets: readonly (readonly string[])[], access: Access): readonly (readonly string[])[] {
  if (typeof access === "string") return sets;
  const all = sets.flatMap((set) => access.scopes.map((scope) => [...new Set([...set, scope])]));
  return [...new Map(all.map((set) => [set.join(" "), set])).values()];
}
