/** What changes between two OpenAPI documents, and whom it breaks. */
export type { Change, ChangeKind } from "./change.ts";
export { compareDocuments } from "./documents.ts";
