/** From the bytes of a body to an object. */
import { GatewayError } from "../../../core/errors.ts";
import { JsonError } from "../../../core/json.ts";
import { sentenceOf } from "../../../core/json-schema/issues.ts";
import { readExactJson } from "./exact.ts";
import type { Issues } from "./issues.ts";
import { isObject } from "./json-values.ts";

export type Body = Readonly<Record<string, unknown>>;

/**
 * The members of the body. Where it is no object, that is refused with what has been said so far: nothing is missing
 * in it.
 *
 * @throws GatewayError BODY_REQUIRED, INVALID_JSON, VALIDATION_ERROR.
 */
export function readBody(bytes: Buffer, issues: Issues): Body {
  if (bytes.length === 0) throw new GatewayError("BODY_REQUIRED");
  const value = parse(bytes);
  if (!isObject(value)) {
    issues.at([]).say(sentenceOf("type", "object"));
    issues.refuse();
  }
  return value as Body;
}

function parse(bytes: Buffer): unknown {
  try {
    return readExactJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new GatewayError("INVALID_JSON", {
      message: `The body of the request is not valid JSON: ${error.message}.`,
      details: [{ field: "", issue: error.message }],
    });
  }
}
