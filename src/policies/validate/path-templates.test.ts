import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PathTemplates } from "./path-templates.ts";

function templates(...paths: string[]): PathTemplates<string> {
  const all = new PathTemplates<string>();
  for (const path of paths) all.add(path, path);
  return all;
}

describe("the paths of a document", () => {
  test("are found with their parameters, decoded", () => {
    const all = templates(
      "/pets",
      "/pets/{id}",
      "/pets/{id}/photos/{photo}",
      "/files/{name}.{type}",
      "/a b/{x}",
    );
    const found: readonly [path: string, template: string | undefined, parameters: object][] = [
      ["/pets", "/pets", {}],
      ["/pets/", "/pets", {}],
      ["/pets/caf%C3%A9%2F1", "/pets/{id}", { id: "café/1" }],
      ["/pets/1/photos/2", "/pets/{id}/photos/{photo}", { id: "1", photo: "2" }],
      ["/files/a.tar.gz", "/files/{name}.{type}", { name: "a", type: "tar.gz" }],
      ["/a%20b/1", "/a b/{x}", { x: "1" }],
      ["/pets/1/photos", undefined, {}],
      ["/files/a", undefined, {}],
      ["/files/.gz", undefined, {}],
      ["/files/a.", undefined, {}],
      ["/Pets", undefined, {}],
      ["/", undefined, {}],
    ];
    for (const [path, template, parameters] of found) {
      assert.equal(all.find(path)?.item, template, path);
      assert.deepEqual(all.find(path)?.parameters ?? {}, parameters, path);
    }
  });

  test("that are written out go before templates, and the more exact template before the other", () => {
    const all = templates("/{a}", "/mine", "/x-{a}", "/{a}/edit", "/mine/{b}");
    assert.equal(all.find("/mine")?.item, "/mine");
    assert.equal(all.find("/x-1")?.item, "/x-{a}");
    assert.equal(all.find("/y-1")?.item, "/{a}");
    assert.equal(all.find("/mine/edit")?.item, "/mine/{b}");
    assert.equal(all.find("/yours/edit")?.item, "/{a}/edit");
  });

  test("can hold parameters of any name", () => {
    const found = templates("/{__proto__}/{constructor}").find("/a/b");
    assert.deepEqual(Object.entries(found?.parameters ?? {}), [
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("that mean the same, or cannot be told apart, are refused", () => {
    assert.throws(() => templates("/{a}", "/{b}"), /mean the same/);
    assert.throws(() => templates("/{a}{b}"), /side by side/);
    assert.throws(() => templates("/{a}/{a}"), /twice/);
  });
});
