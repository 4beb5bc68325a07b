/** Reads what a request of the admin API says, or says everything that is wrong with it. */
import type { output, ZodType } from "zod";
import { type ErrorDetail, GatewayError } from "../core/errors.ts";
import { JsonError, readJson } from "../core/json.ts";
import type { AdminRequest } from "./route.ts";

/** @throws GatewayError for a body that is not JSON (400, 415) or not what the schema wants (422). */
export function readBody<Schema extends ZodType>(schema: Schema, request: AdminRequest): output<Schema> {
  if (request.body.length === 0) return check(schema, {}, "");
  if (!/^application\/(?:[\w.+-]+\+)?json(?:\s*;|$)/i.test(request.contentType)) {
    throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", { headers: { Accept: "application/json" } });
  }
  return check(schema, parse(request.body), "");
}

/** @throws GatewayError VALIDATION_ERROR; a parameter that is there twice is one that is wrong. */
export function readQuery<Schema extends ZodType>(schema: Schema, { query }: AdminRequest): output<Schema> {
  const values = new Map<string, string | string[]>();
  for (const name of query.keys()) {
    const [first = "", ...more] = query.getAll(name);
    values.set(name, more.length === 0 ? first : [first, ...more]);
  }
  return check(schema, Object.fromEntries(values), "query.");
}

function parse(body: Buffer): unknown {
  try {
    return readJson(body);
  } catch (error) {
    if (error instanceof JsonError)
      throw new GatewayError("INVALID_JSON", { message: `The body is not JSON: ${error.message}.` });
    throw error;
  }
}

function check<Schema extends ZodType>(schema: Schema, value: unknown, at: string): output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const details = result.error.issues.flatMap((issue): ErrorDetail[] => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ field: at + [...path, key].join("."), issue: "is not known" }));
    }
    const missing = issue.code === "invalid_type" && issue.input === undefined;
    return [{ field: at + fieldOf(issue.path), issue: missing ? "is missing" : issue.message }];
  });
  throw new GatewayError("VALIDATION_ERROR", { details });
}

/** `scopes[2]` (ERR-5). */
function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? String(part) : `${text}.${String(part)}`,
    "",
  );
}
