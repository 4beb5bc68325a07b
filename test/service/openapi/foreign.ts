/** Small, and with all that ours never has. */
export const foreign = {
  openapi: "3.0.3",
  info: { title: "Foreign", version: "1" },
  servers: [{ url: "https://one.example" }],
  security: [{ key: [] }],
  paths: {
    "/things/{thing}": {
      parameters: [{ name: "thing", in: "path", required: true, schema: { type: "string" } }],
      get: {
        operationId: "getThing",
        parameters: [
          { name: "X-Trace", in: "header", schema: { type: "string", maxLength: 10 } },
          {
            name: "ids",
            in: "query",
            style: "form",
            explode: true,
            schema: { type: "array", items: { type: "integer" } },
          },
        ],
        responses: {
          "200": {
            description: "ok",
            headers: {
              "X-Total": { required: true, schema: { type: "integer" } },
              "X-Maybe": { schema: { type: "string" } },
            },
            content: {
              "application/json": { schema: { $ref: "#/components/schemas/Thing" } },
              "text/csv": { schema: { type: "string" } },
            },
          },
          default: { description: "error" },
        },
      },
      put: {
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
        responses: { "204": { description: "done" } },
        callbacks: {
          done: {
            "{$request.body#/url}": {
              post: {
                requestBody: {
                  content: { "application/json": { schema: { $ref: "#/components/schemas/Event" } } },
                },
                responses: { "200": { description: "ok" } },
              },
            },
          },
        },
      },
    },
  },
  components: {
    securitySchemes: {
      key: { type: "apiKey", in: "header", name: "X-Key" },
      oauth: { type: "oauth2", flows: {} },
    },
    schemas: {
      Thing: {
        allOf: [
          { $ref: "#/components/schemas/Base" },
          {
            type: "object",
            properties: {
              count: { type: "integer", minimum: 1, exclusiveMinimum: true, default: 5 },
              kind: { oneOf: [{ $ref: "#/components/schemas/Cat" }, { $ref: "#/components/schemas/Dog" }] },
              parent: { nullable: true, allOf: [{ $ref: "#/components/schemas/Thing" }] },
              label: { type: "string", nullable: true, format: "email", pattern: "^a" },
              map: { type: "object", additionalProperties: { type: "integer" } },
              closed: { type: "object", properties: { a: { type: "string" } }, additionalProperties: false },
            },
          },
        ],
      },
      Base: {
        type: "object",
        required: ["id"],
        properties: { id: { type: "string", readOnly: true }, secret: { type: "string", writeOnly: true } },
      },
      Cat: { type: "object", properties: { purrs: { type: "boolean" } } },
      Dog: { type: "object", properties: { barks: { type: "boolean" } } },
      Event: { type: "object", required: ["at"], properties: { at: { type: "string" } } },
    },
  },
};
