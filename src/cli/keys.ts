/** `turnpike keys create|list|rotate|revoke`. */
import { z } from "zod";
import * as fields from "../core/key-fields.ts";
import type { KeyRecord } from "../core/records.ts";
import { duration } from "../core/values.ts";
import { issueKey, issueSecret } from "../identity/keys/issue.ts";
import { type KeyView, keyView } from "../identity/keys/view.ts";
import { changeRecords, type OpenRecords, withRecords } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { table } from "./table.ts";

interface Common {
  readonly config?: string;
  readonly json?: true;
}

export interface CreateOptions extends Common {
  readonly consumer: string;
  readonly name?: string;
  readonly scopes?: string;
  readonly plan?: string;
  readonly expires?: string;
  readonly env?: string;
  readonly ip?: string;
  readonly methods?: string;
  readonly routes?: string;
}

export async function createKey(options: CreateOptions): Promise<void> {
  const now = Date.now();
  const request = {
    name: read("name", fields.label, options.name ?? ""),
    consumer: read("consumer", fields.consumer, options.consumer),
    scopes: read("scopes", fields.scopes, listed(options.scopes)),
    plan: options.plan === undefined ? "" : read("plan", fields.plan, options.plan),
    environment: read("env", fields.environment, options.env ?? "live"),
    expiresAt: options.expires === undefined ? null : read("expires", fields.expiry(now), options.expires),
    restrictions: {
      ipRanges: read("ip", fields.ipRanges, listed(options.ip)),
      methods: read("methods", fields.methods, listed(options.methods)),
      routes: read("routes", fields.routes, listed(options.routes)),
    },
  };
  await changeRecords(options.config, async ({ records, prefix, actor }) => {
    const { key, secret } = issueKey(request, prefix, now);
    await records.keys.create(key, actor);
    printSecret(await found(records.keys.get(key.id), key.id), secret, "issued", options);
  });
}

export interface ListOptions extends Common {
  readonly consumer?: string;
  readonly env?: string;
  readonly limit: string;
}

const PAGE = 500;

export async function listKeys(options: ListOptions): Promise<void> {
  const filter = {
    consumer: options.consumer,
    environment: options.env === undefined ? undefined : read("env", fields.environment, options.env),
  };
  const limit = read(
    "limit",
    z.string().regex(/^[1-9]\d{0,8}$/, "expected a whole number from 1 on"),
    options.limit,
  );
  await withRecords(options.config, async (open) => {
    const { keys, more } = await pages(open, filter, Number(limit));
    const now = Date.now();
    const views = keys.map((key) => keyView(key, now));
    if (options.json) print(JSON.stringify(views, null, 2));
    else if (views.length === 0) print("there are no such keys; `turnpike keys create` issues one");
    else print(table(HEADINGS, views.map(row)));
    if (more) process.stderr.write(`there are more keys; --limit ${Number(limit) * 10} shows more of them\n`);
  });
}

async function pages(
  { records }: OpenRecords,
  filter: Parameters<OpenRecords["records"]["keys"]["list"]>[0],
  limit: number,
): Promise<{ keys: readonly KeyRecord[]; more: boolean }> {
  const keys: KeyRecord[] = [];
  for (let before: string | undefined; keys.length <= limit; before = keys.at(-1)?.id) {
    const page = await records.keys.list(filter, { limit: Math.min(PAGE, limit + 1 - keys.length), before });
    keys.push(...page);
    if (page.length === 0) break;
  }
  return { keys: keys.slice(0, limit), more: keys.length > limit };
}

export interface RotateOptions extends Common {
  readonly overlap: string;
}

export async function rotateKey(id: string, options: RotateOptions): Promise<void> {
  const overlap = read("overlap", duration({ min: "0s", max: "7d" }), options.overlap);
  await changeRecords(options.config, async ({ records, prefix, actor }) => {
    const key = await found(records.keys.get(id), id);
    if (key.revokedAt !== null) throw new Refusal(`key ${id} has been revoked; issue a new one`, 1);
    const at = Date.now();
    const { secret, stored } = issueSecret(prefix, key.environment);
    await records.keys.rotate({ id, secret: stored, at, overlapUntil: at + overlap }, actor);
    const until = new Date(at + overlap).toISOString();
    const old = overlap === 0 ? "the old secret no longer works" : `the old secret works until ${until}`;
    printSecret(await found(records.keys.get(id), id), secret, `rotated; ${old}`, options);
  });
}

export async function revokeKey(id: string, options: Common): Promise<void> {
  await changeRecords(options.config, async ({ records, actor }) => {
    await found(records.keys.revoke(id, Date.now(), actor), id);
    const key = await found(records.keys.get(id), id);
    if (options.json) print(JSON.stringify(keyView(key, Date.now()), null, 2));
    else print(`key ${id} of ${key.consumer} is revoked; running gateways refuse it within a second`);
  });
}

/** The secret stands alone on the last line, so that `| tail -1` is the key. */
function printSecret(key: KeyRecord, secret: string, done: string, { json }: Common): void {
  const view = keyView(key, Date.now());
  if (json) {
    print(JSON.stringify({ ...view, secret }, null, 2));
    return;
  }
  const scopes = view.scopes.length === 0 ? "no scopes" : `scopes ${view.scopes.join(" ")}`;
  const expires = view.expires_at === null ? "never expires" : `expires ${view.expires_at}`;
  print(`key ${view.id} of ${view.consumer} (${view.environment}, ${scopes}, ${expires}): ${done}`);
  print("This is its secret. It is not kept anywhere and will not be shown again:");
  print(secret);
}

const HEADINGS = ["ID", "CONSUMER", "NAME", "KEY", "SCOPES", "PLAN", "STATUS", "LAST USED", "EXPIRES"];

function row(key: KeyView): readonly string[] {
  return [
    key.id,
    key.consumer,
    key.name,
    `${key.prefix}…${key.last4}`,
    key.scopes.join(" "),
    key.plan ?? "",
    key.status,
    minute(key.last_used_at) ?? "never",
    minute(key.expires_at) ?? "never",
  ];
}

const minute = (time: string | null): string | undefined => time?.slice(0, 16).replace("T", " ");

async function found<Value>(value: Promise<Value | null>, id: string): Promise<Value> {
  const there = await value;
  if (there === null)
    throw new Refusal(`there is no key "${id}" in the store; \`turnpike keys list\` shows them`, 1);
  return there;
}

const listed = (text: string | undefined): readonly string[] =>
  (text ?? "").split(/[\s,]+/).filter((part) => part !== "");

function read<Schema extends z.ZodType>(option: string, schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Refusal(`--${option}: ${result.error.issues.map(({ message }) => message).join("; ")}`, 2);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
