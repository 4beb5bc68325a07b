/** The parameters of that name, decoded, and the query without them, otherwise byte for byte as it was. */
export function takeParameter(query: string, name: string): { values: readonly string[]; rest: string } {
  // Most queries do not have it; an escape could hide its name.
  if (!query.includes(name) && !query.includes("%")) return { values: [], rest: query };
  const values: string[] = [];
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => {
      const equals = pair.indexOf("=");
      if (decoded(equals === -1 ? pair : pair.slice(0, equals)) !== name) return true;
      values.push(equals === -1 ? "" : decoded(pair.slice(equals + 1)));
      return false;
    });
  if (values.length === 0) return { values, rest: query };
  return { values, rest: kept.length === 0 ? "" : `?${kept.join("&")}` };
}

/** As a form is decoded (WHATWG URL, urlencoded parsing); what is no escape stands for itself. */
function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return spaced.includes("%") ? decodeURIComponent(spaced) : spaced;
  } catch {
    return spaced;
  }
}
