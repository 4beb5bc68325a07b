import { configJsonSchemaText } from "../config/json-schema.ts";
import { policies } from "../policies/index.ts";

/** `turnpike schema`: the JSON Schema of the config. */
export function schema(): void {
  process.stdout.write(configJsonSchemaText(policies));
}
