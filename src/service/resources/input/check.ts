import type { FieldValue } from "../../../core/resource.ts";
import type { Issues } from "./issues.ts";

/**
 * From a value of JSON to what stands in a row. Undefined for a value that is none of the field's, after everything that is
 * wrong with it has been said. Never gets null.
 */
export type Check = (value: unknown, issues: Issues) => FieldValue | undefined;
