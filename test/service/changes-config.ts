/** Resources whose older version is a matter of functions, and of `was`, together. */
import { defineChange, defineConfig } from "../../src/index.ts";

interface Names {
  name?: string;
  given?: string;
  family?: string;
}

const splitName = defineChange({
  summary: "name has become given and family",
  request: (body: Names) => {
    const [given = "", family = ""] = (body.name ?? "").split(" ");
    const { name: _, ...rest } = body;
    return { ...rest, given, family };
  },
  response: ({ given, family, ...rest }: Names) => ({ ...rest, name: `${given} ${family}` }),
});

export const config = defineConfig({
  versions: { default: "2", list: { "1": {}, "2": { changes: [splitName] } } },
  resources: {
    people: {
      singular: "person",
      access: { read: "public", write: "public" },
      fields: {
        given: { type: "string", required: true },
        family: { type: "string", required: true },
        mail: { type: "string", nullable: true, was: { "1": "email" } },
        country: { type: "string", nullable: true, since: "2" },
      },
    },
  },
  routes: [{ name: "api", path: "/*", to: { service: true } }],
});
