const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const CONTENT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Puts the values of `${NAME}` and `${NAME:-default}` into a text. The default counts for an unset and for
 * an empty variable, as in a shell; `$${` is a plain `${`. Values are not looked into again.
 */
export function substitute(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): { text: string; problems: string[] } {
  const problems: string[] = [];
  const replaced = text.replaceAll(
    REFERENCE,
    (reference: string, content: string | undefined, close: string) => {
      if (content === undefined) return "${";
      const [, name, fallback] = CONTENT.exec(content) ?? [];
      if (close === "") problems.push(`"\${" is never closed with "}"; write $\${ for a plain \${`);
      else if (name === undefined)
        problems.push(
          `${reference} is not a variable: write \${NAME} or \${NAME:-default}, or $\${ for a plain \${`,
        );
      else {
        const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
        if (value !== undefined && (value !== "" || fallback === undefined)) return value;
        if (fallback !== undefined) return fallback;
        problems.push(`the environment variable ${name} is not set; set it, or write \${${name}:-default}`);
      }
      return reference;
    },
  );
  return { text: replaced, problems };
}
