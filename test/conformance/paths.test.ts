/** P-01, P-02: nobody reaches what is guarded by spelling its path in another way. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { after, before, describe, test } from "node:test";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";
import { assertEnvelope, each, eventually, get, Stand } from "./stand.ts";

// ---------------------------------------------------------------- what attackers write

const UPS = [
  "..",
  "%2e%2e",
  "%2E%2E",
  ".%2e",
  "%2e.",
  "..;",
  "..;x=y",
  "%2e%2e;",
  "..%3b",
  "%252e%252e",
  "..%252f",
  "%c0%ae%c0%ae",
  "%e0%80%ae%e0%80%ae",
  "%uff0e%uff0e",
  "..%00",
  "..%20",
  "..%09",
  "..%0d%0a",
  "..%3f",
  "..%23",
  "..%5c",
  "..\\",
  "...",
  ". .",
  "\u002e\u002e",
];
const SEPARATORS = [
  "/",
  "//",
  "/./",
  "%2f",
  "%2F",
  "%5c",
  "\\",
  "%252f",
  "%c0%af",
  "/%2e/",
  ";/",
  "/;/",
  "%00/",
  "/%20/",
];
const NAMES = [
  "admin",
  "ADMIN",
  "aDmIn",
  "%61dmin",
  "%61%64%6d%69%6e",
  "adm%69n",
  "%2561dmin",
  "admin.",
  "admin...",
  "admin%2e",
  "admin%20",
  "admin%09",
  "admin%00",
  "admin;",
  "admin;x=y",
  "admin%3b",
  "admin%3f",
  "admin%23",
  "admin%5c",
  "admin%2f",
  "admin\\",
  "admin::$DATA",
];
const ENDS = ["", "/", "/.", "//", "/x", "/%2e", "/..;/admin", "/x/..", "?a=/pub", "?", "%2f..%2fadmin"];

/** From `root` (the public part, such as `/pub`) to `/admin`, in every way that the tables above make. */
function spellings(root: string): string[] {
  const made = new Set<string>();
  for (const up of UPS)
    for (const separator of SEPARATORS)
      made.add(`${root}/${up}${separator}admin`).add(`${root}${separator}${up}/admin`);
  for (const name of NAMES)
    for (const end of ENDS) {
      made.add(`/${name}${end}`);
      made.add(`${root}/../${name}${end}`);
      made.add(`${root}/%2e%2e/${name}${end}`);
      made.add(`${root}/x/../../${name}${end}`);
    }
  for (const separator of SEPARATORS) {
    for (const name of NAMES) made.add(`${separator}${name}`.replace(/^(?!\/)/, "/"));
    made
      .add(`/${separator}admin`)
      .add(`${root}../admin`)
      .add(`${root}..${separator}admin`)
      .add(`${root}${separator}..${separator}..${separator}admin`);
  }
  return [...made].map((path) => Buffer.from(path, "utf8").toString("latin1"));
}

// ---------------------------------------------------------------- how origins read

/** What some server in use would make of a path, one reading a line. */
const READERS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => decode(path),
  (path) => posix.normalize(decode(path)),
  (path) => posix.normalize(decode(decode(path))),
  (path) => new URL(path.replace(/^\/+/, "/"), "http://x").pathname,
  (path) => decode(new URL(path.replace(/^\/+/, "/"), "http://x").pathname),
  // Tomcat: parameters away, then decode, then normalise.
  (path) => posix.normalize(decode(path.replace(/;[^/]*/g, ""))),
  (path) => posix.normalize(decode(path).replace(/;[^/]*/g, "")),
  // Windows: backslashes, trailing dots and spaces.
  (path) => posix.normalize(decode(path).replaceAll("\\", "/")).replace(/(?<=[^/. ])[. ]+(?=\/|$)/g, ""),
  // C: a NUL ends it; careless rewriting: so do `?` and `#`.
  (path) => posix.normalize(decode(path).replace(/[\0?#].*$/s, "")),
];

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return Buffer.from(
      path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      "latin1",
    ).toString("latin1");
  }
}

function readsAsAdmin(target: string): boolean {
  const path = target.split("?", 1)[0] as string;
  return READERS.some((read) => /^\/+admin(?:$|[/;?#\0 ]|\.$)/i.test(safely(read, path)));
}

function safely(read: (path: string) => string, path: string): string {
  try {
    return read(path);
  } catch {
    return path;
  }
}

const SECRET = "the secret of admin";

// ---------------------------------------------------------------- the attack

/** Asks for every path; no answer may have the secret in it. Answers what was served. */
async function attack(port: number, paths: readonly string[]): Promise<Map<string, number>> {
  const statuses = new Map<string, number>();
  await each(
    paths.map((path) => ({ name: JSON.stringify(path), path })),
    async ({ path }) => {
      const client = await RawClient.to(port);
      client.send(`GET ${path} HTTP/1.1\r\nHost: example.com\r\n\r\n`);
      try {
        const response = await client.response();
        statuses.set(path, response.status);
        assert.ok(!response.body.includes(SECRET), `got the secret with ${response.status}`);
        assert.ok([200, 400, 401, 404].includes(response.status), `${response.status}`);
      } finally {
        client.destroy();
      }
    },
  );
  return statuses;
}

/** In a path that reached an origin nothing is left to interpretation. */
function assertNormal(target: string): void {
  const path = target.split("?", 1)[0] as string;
  assert.match(path, /^\//);
  assert.doesNotMatch(path, /\/\/|\\|#|%(?:00|[01][0-9a-f]|7f)/i, target);
  assert.doesNotMatch(path, /(?:^|\/)\.{1,2}(?:\/|$)/, target);
  assert.doesNotMatch(
    path,
    /%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i,
    `needless escape in ${target}`,
  );
  assert.doesNotMatch(path, /%(?![0-9A-F]{2})/, `escape not in upper case in ${target}`);
}

const guard = { fixed: { status: 401, body: "who are you?" } };

interface Layout {
  readonly name: string;
  readonly root: string;
  readonly config: (upstream: string) => Record<string, unknown>;
}

const toOrigin = { upstream: "origin" };
const layouts: Layout[] = [false, true].flatMap((keep) => {
  const paths = keep ? { encodedSlash: "keep", semicolon: "keep" } : {};
  const suffix = keep ? ", encoded slashes and semicolons kept" : "";
  return [
    {
      name: `only /pub is public${suffix}`,
      root: "/pub",
      config: () => ({
        paths,
        routes: [
          { name: "pub", path: "/pub/*", to: toOrigin },
          { name: "admin", path: "/admin/*", to: guard },
        ],
      }),
    },
    {
      name: `everything but /admin is public${suffix}`,
      root: "/pub",
      config: () => ({
        paths,
        routes: [
          { name: "rest", path: "/*", to: toOrigin },
          { name: "admin", path: "/admin", to: guard },
          { name: "below", path: "/admin/*", to: guard },
        ],
      }),
    },
    {
      name: `a version is stripped from the path${suffix}`,
      root: "/v1/pub",
      config: () => ({
        paths,
        routes: [
          { name: "v1", path: "/v1/*", to: { ...toOrigin, rewrite: "/*" } },
          { name: "admin", path: "/v1/admin/*", to: guard },
        ],
      }),
    },
    {
      name: `parameters are put into another path${suffix}`,
      root: "/t",
      config: () => ({
        paths,
        routes: [
          { name: "one", path: "/t/{id}", to: { ...toOrigin, rewrite: "/pub/{id}" } },
          { name: "two", path: "/t/{id}/{name}", to: { ...toOrigin, rewrite: "/pub/{name}-{id}" } },
          { name: "rest", path: "/t/{id}/x/*", to: { ...toOrigin, rewrite: "/pub/{id}/*" } },
        ],
      }),
    },
  ];
});

describe("a guarded path behind a gateway whose origin reads paths in every way there is", () => {
  let origin: Server;
  const targets: string[] = [];
  before(async () => {
    origin = createHttpServer((request, response) => {
      targets.push(request.url ?? "");
      response.end(readsAsAdmin(request.url ?? "") ? SECRET : "public");
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const url = () => `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;

  test("is reached by no spelling that the tables make (the tables do reach it without the gateway)", async () => {
    const direct = spellings("/pub").filter((path) => /^[!-~]+$/.test(path));
    assert.ok(direct.filter(readsAsAdmin).length > 500);
  });

  for (const { name, root, config } of layouts) {
    test(`is not reached where ${name}`, async () => {
      const gateway = await startGateway({ upstreams: { origin: { targets: [url()] } }, ...config(url()) });
      try {
        targets.length = 0;
        const paths = [
          ...spellings(root),
          ...spellings("/pub").map((path) => `${root.replace(/\/pub$/, "")}${path}`),
        ];
        const statuses = await attack(gateway.port, [...new Set(paths)]);
        assert.ok([...statuses.values()].includes(200), "the public part is served");
        for (const target of targets) {
          assertNormal(target);
          assert.ok(!readsAsAdmin(target));
        }
      } finally {
        await gateway.stop();
      }
    });
  }
});

describe("what is decided on", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({}, { answer: ({ target }) => ok(target) });
  });
  after(() => stand.close());

  test("is what is forwarded: one normal form of the path, the query byte for byte", async () => {
    const rows: [sent: string, forwarded: string][] = [
      ["/", "/"],
      ["/?", "/?"],
      ["/a?", "/a?"],
      ["/a?b=c&b=c&a=%2f%2F&&=+%20", "/a?b=c&b=c&a=%2f%2F&&=+%20"],
      ["/a?b=/../c//d", "/a?b=/../c//d"],
      ["/a?x?y=?", "/a?x?y=?"],
      ['/a?"<>^`{|}[]\\', '/a?"<>^`{|}[]\\'],
      ["/a+b", "/a+b"],
      ["/a%2bb", "/a%2Bb"],
      ["/a%20b", "/a%20b"],
      ["/%7euser/%41", "/~user/A"],
      ["/a/./b/../c", "/a/c"],
      ["/a//b", "/a/b"],
      ["/a/b/", "/a/b/"],
      ["/!$&'()*+,=:@-._~", "/!$&'()*+,=:@-._~"],
      ["/%e2%82%ac", "/%E2%82%AC"],
    ];
    await each(
      rows.map(([sent, forwarded]) => ({ name: sent, sent, forwarded })),
      async ({ sent, forwarded }) => {
        const response = await stand.ask(get(sent));
        assert.equal(response.body.toString(), forwarded);
      },
    );
  });

  test("may hold the characters that browsers send plainly, and they are kept", async () => {
    for (const path of ["/a|b", "/a[0]", "/[a]/b", "/|", "/a]b[c|d"]) {
      const response = await stand.ask(get(path));
      assert.equal(response.body.toString(), path);
    }
  });

  test("is refused with INVALID_PATH, and not forwarded, where servers read it differently", async () => {
    const before = stand.origin.requests.length;
    const paths = [
      "/a%2fb",
      "/a%5Cb",
      "/a\\b",
      "/a;b",
      "/a%3Bb",
      "/a%00",
      "/a%0a",
      "/a%1f",
      "/a%7f",
      "/%",
      "/%1",
      "/%g1",
      "/%1g",
      "/%u0041",
      "/a%",
      "/%252e",
      "/%25%32%65",
      "/%c0%ae",
      "/%ff",
      "/%ed%a0%80",
      "/%f5%80%80%80",
      "/..",
      "/../a",
      "/a/../..",
      "/%2e%2e",
      "/a/..;/b",
      '/a"b',
      "/a<b",
      "/a>b",
      "/a`b",
      "/a{b}",
    ];
    await each(
      paths.map((path) => ({ name: path, path })),
      async ({ path }) => {
        const response = await stand.ask(get(path));
        assert.equal(response.status, 400);
        assertEnvelope(response, "INVALID_PATH");
      },
    );
    assert.equal(stand.origin.requests.length, before);
  });
});

// ---------------------------------------------------------------- a real NGINX

const hasNginx = spawnSync("nginx", ["-v"]).status === 0;
const required = process.env["TURNPIKE_REQUIRE_ALL"] === "1";
const skip =
  hasNginx || required ? false : "NGINX is not installed: the origin that most people have is NOT tested";

describe("a guarded path behind a gateway whose origin is NGINX", { skip }, () => {
  let folder = "";
  let nginx: ChildProcess;
  let lenient: Server;
  let port = 0;
  let chained = 0;
  before(async () => {
    assert.ok(hasNginx, "NGINX is not installed");
    folder = await mkdtemp(join(tmpdir(), "turnpike-nginx-"));
    lenient = createHttpServer((request, response) => {
      response.end(readsAsAdmin(request.url ?? "") ? SECRET : "public");
    });
    await new Promise<void>((resolve) => lenient.listen(0, "127.0.0.1", resolve));
    port = await freePort();
    chained = await freePort();
    const behind = (lenient.address() as AddressInfo).port;
    await writeFile(join(folder, "nginx.conf"), nginxConfig(folder, port, chained, behind));
    nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", join(folder, "error.log")], {
      stdio: "ignore",
    });
    await eventually(() => isOpen(port).then((open) => (open ? true : undefined)));
  });
  after(async () => {
    nginx?.kill("SIGTERM");
    lenient?.closeAllConnections();
    lenient?.close();
    if (folder !== "") await rm(folder, { recursive: true, force: true });
  });

  async function through(upstream: number, { root, config }: Layout): Promise<void> {
    const url = `http://127.0.0.1:${upstream}`;
    const gateway: TestGateway = await startGateway({
      upstreams: { origin: { targets: [url] } },
      ...config(url),
    });
    try {
      const paths = [
        ...spellings(root),
        ...spellings("/pub").map((path) => `${root.replace(/\/pub$/, "")}${path}`),
      ];
      await attack(gateway.port, [...new Set(paths)]);
    } finally {
      await gateway.stop();
    }
  }

  for (const layout of layouts.filter(({ name }) => /everything|version/.test(name))) {
    test(`with a location for it is not reached where ${layout.name}`, () => through(port, layout));
  }
  for (const layout of layouts.filter(({ name }) => name.includes("everything"))) {
    test(`that decodes and passes on to the most lenient origin is not reached where ${layout.name}`, () =>
      through(chained, layout));
  }

  test("is what it serves when asked directly", async () => {
    const client = await RawClient.to(port);
    client.send(get("/pub/..%2fadmin"));
    assert.ok((await client.response()).body.includes(SECRET));
    client.destroy();
  });
});

function nginxConfig(folder: string, port: number, chained: number, behind: number): string {
  return `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    location ~* "^/admin[. ]*(/|;|$)" { return 200 "${SECRET}"; }
    location / { return 200 "public"; }
  }
  server {
    listen 127.0.0.1:${chained};
    location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:${behind}/; }
  }
}
`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
