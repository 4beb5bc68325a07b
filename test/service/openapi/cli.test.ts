/** `turnpike openapi` and `turnpike diff`, as a shell sees them. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { turnpike } from "../../harness/cli.ts";

const CONFIG = `
store: { records: "sqlite:./x.db" }
versions: { from: [path], default: "2", list: { "1": {}, "2": {} } }
routes: [{ path: "/*", to: { service: true }, policies: [{ api-key: { optional: true } }] }]
resources:
  orders:
    access: { read: public, write: "orders:write" }
    fields: { number: { type: integer, required: true }, note: { type: string, since: "2" } }
`;

describe("the documentation on the command line", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-openapi-"));
    await writeFile(at("turnpike.yaml"), CONFIG);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("is printed for the newest version, or for the one that is named", async () => {
    const [newest, named] = await Promise.all([
      turnpike("openapi", "--config", at("turnpike.yaml")),
      turnpike("openapi", "--config", at("turnpike.yaml"), "--api-version", "v1"),
    ]);
    assert.deepEqual([newest.code, newest.stderr, named.code], [0, "", 0]);
    const [now, old] = [newest, named].map(({ stdout }) => JSON.parse(stdout));
    assert.deepEqual([now.openapi, now.info.version, old.info.version], ["3.1.0", "2", "1"]);
    assert.ok("note" in now.components.schemas.PartialOrder.properties);
    assert.ok(!("note" in old.components.schemas.PartialOrder.properties));
  });

  test("of a version that there is not is a usage error with those that there are", async () => {
    const { code, stderr } = await turnpike("openapi", "--config", at("turnpike.yaml"), "--api-version", "7");
    assert.deepEqual([code, stderr], [2, "there is no version 7; the config has 1, 2\n"]);
  });

  test("is guarded: a published version that is as it was passes, an addition passes, a change fails", async () => {
    const published = at("v1.json");
    assert.equal(
      (await turnpike("openapi", "-c", at("turnpike.yaml"), "--api-version", "1", "-o", published)).code,
      0,
    );
    const same = await turnpike("diff", published, "-c", at("turnpike.yaml"));
    assert.deepEqual([same.code, same.stdout], [0, "nothing changed\n"]);

    await writeFile(at("more.yaml"), CONFIG.replace("fields: {", "fields: { extra: string,"));
    const more = await turnpike("diff", published, "-c", at("more.yaml"));
    assert.equal(more.code, 0, more.stdout);
    assert.match(more.stdout, /^added {5}OrderCreate\.extra is new in requests/m);

    await writeFile(at("less.yaml"), CONFIG.replace("number:", "count:"));
    const less = await turnpike("diff", published, "-c", at("less.yaml"));
    assert.equal(less.code, 1);
    assert.match(less.stdout, /^breaking {2}PartialOrder\.number is no longer in answers \(GET \/orders, /m);
    assert.match(
      less.stdout,
      /^breaking {2}OrderCreate\.count has to be given in requests, and did not exist/m,
    );
  });

  test("tells programs in JSON what differs between two files, whoever wrote them", async () => {
    const operation = { responses: { 200: { description: "ok" } } };
    const document = {
      openapi: "3.0.0",
      info: { title: "x", version: "1" },
      paths: { "/a": { get: operation, put: operation } },
    };
    await writeFile(at("old.json"), JSON.stringify(document));
    await writeFile(
      at("new.yaml"),
      "openapi: 3.1.0\ninfo: { title: x, version: 2 }\npaths: { /a: { get: { responses: { 200: { description: ok } } } } }\n",
    );
    const { code, stdout } = await turnpike("diff", at("old.json"), at("new.yaml"), "--json");
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), {
      breaking: true,
      changes: [
        {
          kind: "breaking",
          rule: "operation-removed",
          subject: "PUT /a",
          message: "is gone",
          operations: ["PUT /a"],
        },
      ],
    });
  });

  test("does not compare what is no document: exit code 2, and a sentence", async () => {
    await writeFile(at("broken.json"), "{");
    await writeFile(at("other.json"), '{"swagger":"2.0"}');
    const cases: [string, RegExp][] = [
      [at("none.json"), /there is no such file/],
      [at("broken.json"), /broken\.json cannot be read/],
      [at("other.json"), /is no OpenAPI 3 document/],
    ];
    for (const [file, sentence] of cases) {
      const { code, stdout, stderr } = await turnpike("diff", file, at("other.json"));
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, sentence);
    }
    assert.equal((await readFile(at("other.json"), "utf8")).length > 0, true);
  });

  test("is not made of a config that cannot be read: exit code 2, which is no change that breaks", async () => {
    const published = at("published.json");
    assert.equal((await turnpike("openapi", "-c", at("turnpike.yaml"), "-o", published)).code, 0);
    const configs: readonly [text: string, sentence: RegExp][] = [
      ["resources: [", /^\S*wrong\.yaml/m],
      [CONFIG.replace("number: {", "number: { typ: string,"), /resources\.orders\.fields\.number\.typ/],
      [CONFIG.slice(0, CONFIG.indexOf("resources:")), /no resources/],
    ];
    for (const [text, sentence] of configs) {
      await writeFile(at("wrong.yaml"), text);
      const { code, stdout, stderr } = await turnpike("diff", published, "-c", at("wrong.yaml"));
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, sentence);
    }
    const others = await Promise.all([
      turnpike("openapi", "-c", at("wrong.yaml")),
      turnpike("diff", published, "-c", at("no-such.yaml")),
    ]);
    assert.deepEqual(
      others.map(({ code, stdout }) => [code, stdout]),
      [
        [2, ""],
        [2, ""],
      ],
    );
  });
});
