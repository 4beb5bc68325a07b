export type { Found, Match } from "./match.ts";
export { buildRouter, type Router } from "./router.ts";
export { shadowed } from "./shadowed.ts";
export { parseTemplate } from "./template.ts";
