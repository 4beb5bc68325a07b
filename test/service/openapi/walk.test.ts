/** Every operation of a document is made to answer everything that it declares, and each answer is held to the document. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CheckedFetch, checkedFetch } from "../../harness/checked-fetch.ts";
import { Contract } from "../../harness/contract.ts";
import { startGateway, type TestGateway } from "../../harness/gateway.ts";
import { FATAL } from "./walk-config.ts";

const BASE = new URL("./walk-config.ts", import.meta.url).href;

/**
 * What nobody can provoke from outside, or not in this document: a version that has ended (its document has ended with it),
 * a part of the gateway that is away (test/service/wiring.test.ts), and what is wrong inside where no function of a config is.
 */
const ELSEWHERE: ReadonlySet<string> = new Set(["410", "500", "503"]);
const WITH_FUNCTIONS: ReadonlySet<string> = new Set([
  "POST /customers",
  "PATCH /customers/{id}",
  "PUT /customers/{id}",
  "POST /orders/{id}/close",
]);

interface Made {
  readonly id: string;
  readonly etag: string;
}

type Asking = Readonly<Record<string, string>>;

for (const version of ["1", "2"]) {
  describe(`every operation of version ${version}`, () => {
    let folder: string;
    let gateway: TestGateway;
    let ask: CheckedFetch;
    let contract: Contract;
    const seen = new Map<string, Set<string>>();
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "turnpike-walk-"));
      gateway = await startGateway(
        { store: { records: `sqlite:${join(folder, "walk.db")}` } },
        { base: BASE },
      );
      const base = `http://127.0.0.1:${gateway.port}`;
      ask = checkedFetch(base);
      contract = new Contract(await (await fetch(`${base}/v${version}/openapi.json`)).json());
    });
    after(async () => {
      await gateway?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    let numbers = 0;
    const name = version === "1" ? "name" : "full_name";
    const unique = (): number => ++numbers;
    const ADA = { "X-API-Key": "secret of ada" };

    async function say(
      method: string,
      path: string,
      headers: Asking = ADA,
      body?: unknown,
    ): Promise<Response> {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const typed =
        body === undefined || "Content-Type" in headers ? {} : { "Content-Type": "application/json" };
      const init = {
        method,
        headers: { ...typed, ...headers },
        ...(body === undefined ? {} : { body: text }),
      };
      const response = await ask(`/v${version}${path}`, init);
      const operation = `${method} ${contract.template(path) ?? path}`;
      seen.set(operation, (seen.get(operation) ?? new Set()).add(String(response.status)));
      return response;
    }

    const BODIES: Readonly<Record<string, () => Promise<Record<string, unknown>> | Record<string, unknown>>> =
      {
        customers: () => ({ email: `a${unique()}@example.com`, [name]: "Ada" }),
        orders: async () => ({ customer: (await make("customers")).id, number: unique() }),
        pages: () => ({ id: `page-${unique()}`, title: `Title ${unique()}` }),
      };
    const bodyOf = async (resource: string) => (BODIES[resource] as () => Record<string, unknown>)();

    async function make(resource: string): Promise<Made> {
      const response = await say("POST", `/${resource}`, ADA, await bodyOf(resource));
      assert.equal(response.status, 201);
      return { id: ((await response.json()) as Made).id, etag: response.headers.get("etag") ?? "" };
    }

    /** The resource that a path is about, and one that an object of stands in `{id}`. */
    function resourcesIn(path: string): { about: string; named: string | null } {
      const segments = path.split("/");
      const named = segments[2] === "{id}" ? (segments[1] as string) : null;
      return { about: segments[3] === "orders" ? "orders" : (segments[1] as string), named };
    }

    interface Attempt {
      readonly method: string;
      readonly path: string;
      /** A path with an object of its own in it. */
      fresh(): Promise<{ readonly at: string; readonly headers: Asking; readonly made: Made | null }>;
      body(): Promise<unknown>;
    }

    function attemptOf(operation: string): Attempt {
      const [method = "", path = ""] = operation.split(" ");
      const { about, named } = resourcesIn(path);
      const changes = ["PUT", "PATCH", "DELETE"].includes(method) || path.endsWith("/close");
      return {
        method,
        path,
        async fresh() {
          const made = named === null ? null : await make(named);
          const bound = changes && named === "orders" ? { "If-Match": made?.etag ?? "" } : {};
          return { at: path.replace("{id}", made?.id ?? ""), headers: { ...ADA, ...bound }, made };
        },
        async body() {
          if (path.endsWith("/close")) return { why: "done" };
          if (method === "PATCH")
            return about === "pages"
              ? { title: `Title ${unique()}` }
              : about === "orders"
                ? { note: "x" }
                : { [name]: "Eve" };
          if (method !== "POST" && method !== "PUT") return undefined;
          const body = await bodyOf(about);
          if (path === "/customers/{id}/orders") delete body["customer"];
          if (method === "PUT" && about === "orders") delete body["customer"];
          if (method === "PUT" && about === "pages") delete body["id"];
          if (method === "PUT" && about === "orders") return { number: unique(), customer: undefined };
          return body;
        },
      };
    }

    async function provoke({ method, path, fresh, body }: Attempt): Promise<void> {
      const writes = !["GET", "HEAD"].includes(method);
      const { at, headers } = await fresh();
      const given = await body();
      const isWhole = method === "PUT" && path === "/orders/{id}";
      const sent = isWhole ? { ...(given as object), customer: await customerOf(at) } : given;
      // Those that change nothing come first.
      await say(method, at, {}, sent);
      await say(method, at, { "X-API-Key": "no such key" }, sent);
      await say(method, at, { "X-API-Key": "secret of nobody" }, sent);
      await say(method, at, { ...ADA, Authorization: "Bearer x" }, sent);
      if (method !== "DELETE") await say(method, at, { ...headers, Accept: "text/html" }, sent);
      await say(method, `${at}?nope=1`, headers, sent);
      await say(method, `${at}?nope=1`, { ...headers, Accept: "application/problem+json" }, sent);
      if (path.includes("{id}")) await say(method, path.replace("{id}", `nobody-${unique()}`), headers, sent);
      await say(method, at, { "X-API-Key": "secret of limited" }, sent);
      await say(method, at, { "X-API-Key": "secret of limited" }, sent);
      if (path.includes("{id}")) await say(method, at, { ...headers, "If-Match": '"no-such"' }, sent);
      if (!writes) await reads(method, at);
      else await writesAll(method, at, headers, isWhole ? sent : await body(), path);
    }

    async function customerOf(at: string): Promise<string> {
      return ((await (await say("GET", at)).json()) as { customer: string }).customer;
    }

    async function reads(method: string, at: string): Promise<void> {
      const read = await say(method, at);
      const etag = read.headers.get("etag");
      if (etag !== null) await say(method, at, { ...ADA, "If-None-Match": etag });
      if (etag === null) await readsList(method, at);
      await say(method, `${at}?fields=id`);
      if (at.startsWith("/orders") || at.endsWith("/orders")) await say(method, `${at}?expand=customer`);
    }

    async function readsList(method: string, at: string): Promise<void> {
      for (const query of [
        "cursor=x",
        "page=2&limit=1&total=true",
        "page=9999&limit=100",
        "sort=-id&limit=1",
        "id[in]=a,b&id[null]=false",
      ])
        await say(method, `${at}?${query}`);
      const page = (await (await say("GET", `${at}?limit=1`)).json()) as { next_cursor: string | null };
      if (page.next_cursor !== null) await say(method, `${at}?limit=1&cursor=${page.next_cursor}`);
    }

    async function writesAll(
      method: string,
      at: string,
      headers: Asking,
      sent: unknown,
      path: string,
    ): Promise<void> {
      if (sent !== undefined) {
        await say(method, at, headers, "{");
        await say(method, at, { ...headers, "Content-Type": "text/plain" }, "x");
        await say(method, at, headers, { email: "x".repeat(5_000) });
        await say(method, at, headers, { number: "one", title: 1, email: 1, why: 1 });
      } else {
        await say(method, at, { ...headers, "Content-Type": "text/plain" }, "x");
        await say(method, at, headers, { email: "x".repeat(5_000) });
      }
      const { "If-Match": _, ...unbound } = headers as Record<string, string>;
      if (path.includes("/orders/{id}")) await say(method, at, unbound, sent);
      if (WITH_FUNCTIONS.has(`${method} ${path}`)) {
        const fatal = path.endsWith("/close") ? { why: "fatal" } : { ...(sent as object), [name]: FATAL };
        await say(method, at, headers, fatal);
      }
      await conflicts(method, at, headers, sent, path);
    }

    async function conflicts(
      method: string,
      at: string,
      headers: Asking,
      sent: unknown,
      path: string,
    ): Promise<void> {
      const keyed = { ...headers, "Idempotency-Key": `key-${unique()}` };
      if (method === "DELETE" && path === "/customers/{id}")
        await say("POST", `${at}/orders`, ADA, { number: unique() });
      if (method === "DELETE" && path === "/customers/{id}") await say(method, at, headers);
      const done = path === "/customers/{id}" && method === "DELETE" ? (await make("customers")).id : null;
      const place = done === null ? at : `/customers/${done}`;
      const first = await say(method, place, keyed, sent);
      assert.ok(first.status < 300, `${method} ${place}: ${first.status} ${await first.text()}`);
      await say(method, place, keyed, sent);
      await say(
        method,
        place,
        keyed,
        method === "DELETE" ? {} : { ...(sent as object), note: "another", why: "else" },
      );
      const now = first.headers.get("etag");
      const bound =
        now === null ? headers : { ...headers, ...("If-Match" in headers ? { "If-Match": now } : {}) };
      if (method === "POST") await say(method, place, bound, sent);
      else if (method !== "DELETE") await takes(method, path, place, bound, sent);
    }

    /** A value that another object has. */
    async function takes(
      method: string,
      path: string,
      at: string,
      headers: Asking,
      sent: unknown,
    ): Promise<void> {
      const resource = path.split("/")[1] as string;
      const body = await bodyOf(resource);
      await say("POST", `/${resource}`, ADA, body);
      const taken =
        resource === "orders"
          ? { number: body["number"] }
          : resource === "pages"
            ? { title: body["title"] }
            : { email: body["email"] };
      await say(method, at, headers, { ...(sent as object), ...taken });
    }

    test("answers as the document says, whatever it is asked", async () => {
      for (const operation of contract.declared().keys()) await provoke(attemptOf(operation));
      await say("PUT", `/pages/new-${unique()}`, ADA, { title: `Title ${unique()}` });
      await say("DELETE", "/orders", ADA);
      await say("GET", `/customers?email=${"x".repeat(9_000)}`);
    });

    test("has answered with every status that it declares", () => {
      const missing: string[] = [];
      for (const [operation, statuses] of contract.declared()) {
        const answered = seen.get(operation) ?? new Set();
        for (const status of statuses) {
          const excused =
            status === "default" ||
            (status === "404" && !operation.includes("{id}")) ||
            // For everybody, and made where they are not there.
            (status === "403" && /^(?:GET|HEAD) \/pages/.test(operation)) ||
            (status === "404" && operation === "PUT /pages/{id}") ||
            // Nobody refers to them; what else is in the way is a key that another thread has just now.
            (status === "409" && /^DELETE \/(?:orders|pages)/.test(operation)) ||
            (ELSEWHERE.has(status) && !(status === "500" && WITH_FUNCTIONS.has(operation)));
          if (!answered.has(status) && !excused) missing.push(`${operation} ${status}`);
        }
      }
      assert.deepEqual(missing, []);
    });

    test("has a document that is served with its entity tag, and not again to who has it", async () => {
      const place = `http://127.0.0.1:${gateway.port}/v${version}/openapi.json`;
      const served = await fetch(place);
      const etag = served.headers.get("etag") ?? "";
      assert.deepEqual([served.status, served.headers.get("content-type")], [200, "application/json"]);
      const document = (await served.json()) as { info: unknown; servers: unknown };
      assert.deepEqual(document.servers, [{ url: `/v${version}` }]);
      assert.equal((document.info as { title: string }).title, "Walk");
      const again = await fetch(place, { headers: { "If-None-Match": etag } });
      assert.deepEqual([again.status, await again.text()], [304, ""]);
    });
  });
}
