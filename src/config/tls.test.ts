import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { checkConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { sourceOf } from "./source.ts";
import { hstsSeconds, readTls } from "./tls.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-tls-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });

function certificate(
  name: string,
  key: readonly string[],
  extra: readonly string[] = ["-addext", "subjectAltName=DNS:A.test,DNS:*.a.test,IP:127.0.0.1"],
): void {
  openssl("genpkey", ...key, "-out", `${name}.key`);
  openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    `${name}.key`,
    "-out",
    `${name}.crt`,
    "-subj",
    "/CN=cn.test",
    "-days",
    "30",
    ...extra,
  );
}

const EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
certificate("good", EC);
certificate("other", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
certificate("short", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
certificate("curve", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime192v1"]);
certificate("edwards", ["-algorithm", "ed25519"]);
certificate("nameless", EC, []);
openssl("pkey", "-in", "good.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key");
writeFileSync(join(folder, "text.txt"), "not PEM");

function read(tls: unknown, wall = Date.now()) {
  const { config } = checkConfig(sourceOf({ listen: { tls } }));
  assert.ok(config.listen.tls !== undefined);
  return readTls(config.listen.tls, folder, wall);
}

/** What is wrong, and where. */
function complaints(tls: unknown): string[] {
  return read(tls).errors.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("listen.tls", () => {
  test("is one certificate, a list, or a list with rules", () => {
    const good = { cert: "good.crt", key: "good.key" };
    for (const tls of [good, [good], { certificates: [good] }]) {
      const { plan, errors, files } = read(tls);
      assert.deepEqual(errors, []);
      assert.deepEqual(plan.certificates[0]?.hosts, ["a.test", "*.a.test"]);
      assert.equal(plan.minVersion, "TLSv1.2");
      assert.deepEqual(files, [join(folder, "good.crt"), join(folder, "good.key")]);
    }
    assert.equal(read({ ...good, minVersion: "1.3" }).plan.minVersion, "TLSv1.3");
    assert.deepEqual(read({ ...good, hosts: ["b.test"] }).plan.certificates[0]?.hosts, ["b.test"]);
    assert.deepEqual(read({ cert: "edwards.crt", key: "edwards.key" }).errors, []);
  });

  test("says what is wrong with a file, and nothing of what is in it", () => {
    const rows: [string, string, RegExp][] = [
      ["gone.crt", "good.key", /^listen\.tls\.cert: "gone\.crt" does not exist/],
      ["good.crt", "gone.key", /^listen\.tls\.key: "gone\.key" does not exist/],
      ["text.txt", "good.key", /^listen\.tls\.cert: "text\.txt" is not a PEM file with certificates/],
      ["good.crt", "text.txt", /^listen\.tls\.key: "text\.txt" is not a PEM file with a private key/],
      ["good.crt", "locked.key", /^listen\.tls\.key: "locked\.key" is encrypted/],
      [
        "good.crt",
        "other.key",
        /^listen\.tls\.key: this is not the key of the first certificate in "good\.crt"/,
      ],
      ["short.crt", "short.key", /^listen\.tls\.cert: its RSA key has 1024 bits; 2048 are the least/],
      [
        "curve.crt",
        "curve.key",
        /^listen\.tls\.cert: its key is on the curve prime192v1; P-256 is the least/,
      ],
    ];
    for (const [cert, key, expected] of rows) {
      const found = complaints({ cert, key });
      assert.equal(found.length, 1, found.join("; "));
      assert.match(found[0] ?? "", expected);
    }
    assert.deepEqual(
      complaints([
        { cert: "good.crt", key: "good.key" },
        { cert: "gone", key: "gone" },
      ]).map((text) => text.split(":")[0]),
      ["listen.tls.1.cert", "listen.tls.1.key"],
    );
  });

  test("warns of what works but hardly for long: dates, names, a key that everybody can read", () => {
    const good = { cert: "good.crt", key: "good.key" };
    const warnings = (tls: unknown, wall?: number) => read(tls, wall).warnings.map(({ message }) => message);
    assert.deepEqual(warnings(good), []);
    assert.match(warnings(good, Date.now() + 31 * 86_400_000)[0] ?? "", /expired on/);
    assert.match(warnings(good, 0)[0] ?? "", /not valid before/);
    assert.match(warnings({ cert: "nameless.crt", key: "nameless.key" })[0] ?? "", /subjectAltName/);
    chmodSync(join(folder, "other.key"), 0o644);
    assert.match(warnings({ cert: "other.crt", key: "other.key" })[0] ?? "", /chmod 600/);
  });

  test("is refused in another shape with a sentence", () => {
    for (const [tls, expected] of [
      [true, /expected \{ cert: "cert\.pem", key: "key\.pem" \}/],
      [{ cert: "a" }, /listen\.tls\.key: is missing/],
      [{ cert: "a", key: "b", minVersion: "1.1" }, /listen\.tls\.minVersion: expected 1\.2 or 1\.3/],
      [{ cert: "a", key: "b", chain: "c" }, /listen\.tls\.chain: unknown key/],
      [[], /must have at least one entry/],
      [[{ cert: "a" }], /listen\.tls\[0\]\.key: is missing/],
    ] as const) {
      assert.throws(
        () => checkConfig(sourceOf({ listen: { tls } })),
        (error) =>
          error instanceof ConfigError &&
          error.problems.some(({ path, message }) => expected.test(`${path}: ${message}`)),
        JSON.stringify(tls),
      );
    }
  });

  test("asks browsers for https for a year, or as long as it says", () => {
    const good = { cert: "good.crt", key: "good.key" };
    const seconds = (tls: unknown) =>
      hstsSeconds(checkConfig(sourceOf({ listen: { tls } })).config.listen.tls);
    assert.equal(seconds(good), 31_536_000);
    assert.equal(seconds([good]), 31_536_000);
    assert.equal(seconds({ ...good, hsts: "0s" }), 0);
    assert.equal(hstsSeconds(undefined), 0);
  });
});
