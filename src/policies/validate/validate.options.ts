import { z } from "zod";
import { text, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { size } from "../../core/values.ts";

const file = text("the name of a file", (value) =>
  value.trim() === "" ? `expected the name of a file, ${found(value)}` : undefined,
);

const schema = z.union([file, z.record(z.string(), z.unknown())], {
  error: ({ input }) => `expected a JSON Schema, or the name of a file that holds one, ${found(input)}`,
});

const INLINE = ["params", "query", "headers", "body"] as const;

export const validateOptions = z
  .strictObject({
    openapi: file
      .optional()
      .describe(
        "OpenAPI 3.1 document, YAML or JSON, relative to the config: every request is checked as its operation says. References stay within the file.",
      ),
    basePath: text("a path", (value) =>
      value.startsWith("/") ? undefined : `expected a path such as "/v1", ${found(value)}`,
    )
      .optional()
      .describe("With openapi: what stands before its paths. By default the path of its first server."),
    undeclared: word(["refuse", "allow"])
      .optional()
      .describe(
        "With openapi: paths, methods and bodies that it does not declare are answered 404, 405 and 415 (refuse, the default), or passed on unchecked (allow).",
      ),
    params: schema
      .optional()
      .describe("Without openapi: JSON Schema of the route's path parameters, one object."),
    query: schema.optional().describe("Without openapi: JSON Schema of the query, one object."),
    headers: schema
      .optional()
      .describe("Without openapi: JSON Schema of header fields, one object; names ignore case."),
    body: schema.optional().describe("Without openapi: JSON Schema of the body, which is then JSON."),
    bodyRequired: z
      .boolean()
      .optional()
      .describe("With body: whether POST, PUT, PATCH and QUERY must have one; true by default."),
    unknownFields: word(["ignore", "reject"])
      .default("ignore")
      .describe("Fields of the body that the schema does not name, at every level."),
    unknownQuery: word(["ignore", "reject"])
      .default("ignore")
      .describe("Query parameters that are not declared."),
    maxBody: size({ min: "1b", max: "64mb" })
      .default(1024 * 1024)
      .describe(
        "Largest body that is checked; a larger one is answered 413. The route's limit holds as well.",
      ),
    mode: word(["enforce", "report"])
      .default("enforce")
      .describe("report: nothing is refused; what would be is logged and counted."),
  })
  .check(({ value, issues }) => {
    const inline = INLINE.filter((key) => value[key] !== undefined);
    const say = (message: string, key?: string) =>
      issues.push({ code: "custom", input: value, path: key === undefined ? [] : [key], message });
    if (value.openapi === undefined && inline.length === 0) {
      say("needs a schema: openapi, or one of params, query, headers and body");
    }
    if (value.openapi !== undefined) {
      for (const key of inline) say("cannot stand beside openapi, which says the same", key);
    } else {
      for (const key of ["basePath", "undeclared"] as const)
        if (value[key] !== undefined) say("only means something with openapi", key);
    }
    if (value.body === undefined && value.bodyRequired !== undefined)
      say("only means something with body", "bodyRequired");
  });

export type ValidateOptions = z.output<typeof validateOptions>;
