/** The documentation of resources that programs read (OpenAPI 3.1), and what changes between two of it. */
export { openApiOf } from "./document.ts";
export { OpenApiFiles } from "./files.ts";
export type { Json, OpenApiOptions } from "./types.ts";
