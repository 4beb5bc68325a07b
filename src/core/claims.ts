type Claims = Readonly<Record<string, unknown>>;

/** The claim of that name, or else what its dots lead to. Undefined for what is not there, or null. */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name] ?? undefined;
  let value: unknown = claims;
  for (const step of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Claims)[step];
  }
  return value ?? undefined;
}
