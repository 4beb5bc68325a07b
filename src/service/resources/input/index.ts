/** Everything that a request says about a resource, checked: see `types.ts`. */
export { withDefaults } from "./defaults.ts";
export { makeInputs } from "./inputs.ts";
export { acceptedBy, checkMediaType } from "./media.ts";
export { makeTrusted } from "./trusted.ts";
export type * from "./types.ts";
