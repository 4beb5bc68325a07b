import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configJsonSchema } from "./json-schema.ts";
import { recordingWorld } from "./testdata/world.ts";

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** Every object in a JSON Schema that has keys of its own, with the way to it. */
function* objects(node: Node, path: string): Generator<[path: string, node: Node]> {
  if (node.properties !== undefined) yield [path, node];
  for (const [key, inner] of Object.entries(node.properties ?? {})) yield* objects(inner, `${path}.${key}`);
  if (typeof node.additionalProperties === "object") yield* objects(node.additionalProperties, `${path}.*`);
  if (node.items !== undefined) yield* objects(node.items, `${path}[]`);
  for (const inner of node.anyOf ?? []) yield* objects(inner, path);
}

const { policies } = recordingWorld().world.kinds;
const json = configJsonSchema(policies) as Node;

describe("the schema of a config", () => {
  test("describes every key", () => {
    const nameless: string[] = [];
    for (const [path, { properties = {} }] of objects(json, "")) {
      for (const [key, { description }] of Object.entries(properties)) {
        // Options of policies are described by the policies: theirs are for tests here.
        if (description === undefined && !path.includes("policies")) nameless.push(`${path}.${key}`);
      }
    }
    assert.deepEqual(nameless, []);
  });
});

describe("the JSON Schema of a config", () => {
  test("lets no object have keys that it does not know", () => {
    const open = [...objects(json, "")].filter(
      ([, { additionalProperties }]) => additionalProperties !== false,
    );
    assert.deepEqual(
      open.map(([path]) => path),
      [],
    );
  });

  test("asks for what people must write, and for nothing that has a default", () => {
    const required = [...objects(json, "")].flatMap(([path, node]) => {
      const { required: keys = [] } = node as { required?: string[] };
      return keys.map((key) => `${path}.${key}`);
    });
    assert.deepEqual(
      new Set(required.filter((path) => !path.includes("policies"))),
      new Set([
        ".listen.tls.cert",
        ".listen.tls.key",
        ".listen.tls.certificates",
        ".listen.tls.certificates[].cert",
        ".listen.tls.certificates[].key",
        ".listen.tls[].cert",
        ".listen.tls[].key",
        ".keys[].id",
        ".keys[].hash",
        ".keys[].consumer",
        ".upstreams.*.targets",
        ".upstreams.*.targets[].url",
        ".upstreams.*.host.name",
        ".routes[].path",
        ".routes[].to",
        ".routes[].to.upstream",
        ".routes[].to.fixed",
        ".routes[].to.service",
        ".routes[].to.*.service",
        ".routes[].to.fallback.fixed",
        ".routes[].to.fallback.lastGood",
        ".routes[].to.fallback.upstream",
        ".routes[].to.*.fallback.fixed",
        ".routes[].to.*.fallback.lastGood",
        ".routes[].to.*.fallback.upstream",
        ".upstreams.*.concurrency.limit",
        ".upstreams.*.hashBy.header",
        ".upstreams.*.healthCheck.path",
        ".routes[].to.*.upstream",
        ".routes[].to.*.fixed",
        ".versions.list",
        ".versions.list.*.changes[].summary",
        ".versions.list.*.brownouts[].from",
        ".versions.list.*.brownouts[].to",
      ]),
    );
  });

  test("holds the options of the policies that there are", () => {
    const entry = json.properties?.["policies"]?.items;
    assert.deepEqual(Object.keys(entry?.properties ?? {}), [
      "when",
      ...recordingWorld().world.kinds.policies.map(({ name }) => name),
    ]);
    assert.equal(entry?.properties?.["guard"]?.properties?.["limit"]?.description, "Calls in a window.");
  });

  test("gives durations and sizes a pattern that takes what the check takes", () => {
    const body = json.properties?.["limits"]?.properties?.["body"] as { pattern?: string } | undefined;
    const pattern = new RegExp(body?.pattern ?? "");
    const good = ["1mb", "0b", "2.5MB", "16 kb", "unlimited"];
    const bad = ["1", "1mib", "mb", "unlimited1"];
    assert.deepEqual(
      good.filter((text) => !pattern.test(text)),
      [],
    );
    assert.deepEqual(
      bad.filter((text) => pattern.test(text)),
      [],
    );
  });
});
