/** The methods that a route may offer: RFC 9110 §9.3 and RFC 10008 (QUERY), less TRACE and CONNECT. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const;

/** HEAD is GET without the content (RFC 9110 §9.3.2): who allows or guards the one does so with the other. */
export function withHead(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") ? [...new Set([...methods, "HEAD"])] : methods;
}
