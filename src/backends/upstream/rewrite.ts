import type { Call } from "../../core/call.ts";

/** Makes the path that is forwarded from the path that was asked. */
export type Rewrite = (call: Call) => string;

/**
 * Compiles a `rewrite` template: `{name}` stands for a path parameter, a final `*` for what the route's `*`
 * matched. Parameters are encoded again, so a value can never add a segment or a query.
 */
export function compileRewrite(template: string | null): Rewrite {
  if (template === null) return (call) => call.request.path;
  const rest = template.endsWith("*");
  const parts = (rest ? template.slice(0, -1) : template).split(/\{([^}]*)\}/);
  return (call) => {
    let path = "";
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string;
      path += i % 2 === 0 ? part : encodeSegment(call.params[part] ?? "");
    }
    // The rest is part of the normalised path already and stays as it is.
    return rest ? path + (call.params["*"] ?? "") : path;
  };
}

/** RFC 3986 §3.3: what a segment may hold plainly stays plain, as in the normal form of a path. */
function encodeSegment(value: string): string {
  return encodeURIComponent(value).replace(/%(?:3A|40|24|26|2B|2C|3D)/g, (code) => decodeURIComponent(code));
}
