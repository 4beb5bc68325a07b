/** Callers of the shop, and what they make there. */
import assert from "node:assert/strict";
import type { Principal } from "../../src/core/principal.ts";
import { type Answer, type Asking, caller } from "../harness/service.ts";
import type { Stand } from "./databases.ts";
import { SCOPES } from "./shop.ts";

let people = 0;
/** Somebody whom no other test knows. */
export const somebody = (more: readonly string[] = []): Principal =>
  caller(`acme-${++people}`, [...SCOPES, ...more]);

let numbers = 0;
export const unique = (): string => `${process.pid}-${++numbers}`;

export interface Person {
  readonly is: Principal;
  ask(method: string, target: string, body?: unknown, more?: Asking): Promise<Answer>;
}

export const person = (stand: Stand, is = somebody()): Person => ({
  is,
  ask: (method, target, body, more = {}) => stand().ask(method, target, { as: is, body, ...more }),
});

export async function customerOf({ ask }: Person, fields: object = {}): Promise<Answer> {
  const answer = await ask("POST", "/customers", { email: `a${unique()}@example.com`, ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer;
}

export async function productOf({ ask }: Person, price = 250): Promise<Answer> {
  const answer = await ask("POST", "/products", { sku: `S${unique()}`, price });
  assert.equal(answer.status, 201, answer.text);
  return answer;
}

export async function orderOf(who: Person, fields: object = {}): Promise<Answer> {
  const customer = (await customerOf(who)).json.id;
  const answer = await who.ask("POST", "/orders", { customer, ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer;
}

export const codeOf = ({ status, json }: Answer): readonly unknown[] => [status, json?.error?.code];
export const idOf = ({ json }: Answer): string => String(json.id);

/** The page that the `Link` of another leads to. */
export async function follow(who: Person, page: Answer, rel: "next" | "prev"): Promise<Answer> {
  const url = new RegExp(`<([^<>]+)>;\\s*rel="${rel}"`).exec(page.headers["link"] ?? "")?.[1];
  assert.ok(url !== undefined, `there is a link to ${rel}`);
  const { pathname, search } = new URL(url);
  const cursor = new URLSearchParams(search).get("cursor");
  assert.equal(cursor, page.json[`${rel}_cursor`]);
  const [, version, path] = /^(?:\/v(\d))?(\/.*)$/.exec(pathname) ?? [];
  const answer = await who.ask(
    "GET",
    `${path}${search}`,
    undefined,
    version === undefined ? {} : { version },
  );
  assert.equal(answer.status, 200, answer.text);
  return answer;
}
