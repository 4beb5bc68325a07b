/**
 * The last good answer to a GET, kept for the time when its service cannot answer. Per lane, up to so many bytes; only
 * for the one who got it: whoever sends other credentials, or is another consumer, is another one.
 *
 * It is not a cache: nothing is ever answered from it while the service answers. Still it keeps answers beyond their
 * time, so it heeds what would forbid a shared cache to keep them at all (RFC 9111 §3): `no-store`, `private`,
 * `Vary: *`; and it keeps none that sets a cookie.
 */
import { hash } from "node:crypto";
import type { Call } from "../../core/call.ts";
import { type CopyKeeper, CopyRoom, copied } from "../../core/copied-body.ts";
import type { Policy } from "../../core/handler.ts";
import type { Headers } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import {
  replyOf,
  type StoredAnswer,
  StoredAnswers,
  storedAnswer,
  weightOf,
} from "../../core/stored-answers.ts";
import type { Clock, Tools } from "../../core/tools.ts";
import { withFallback } from "./fallback.ts";

/** Of all lanes together. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A larger answer is not kept. */
const MOST_OF_ONE = 1024 * 1024;

/** What says who is asking, where the gateway passes it on unchecked. */
const CREDENTIALS = ["authorization", "cookie", "x-api-key"] as const;

interface Good {
  readonly answer: StoredAnswer;
  readonly storedAt: number;
  /** What the answer depends on, and what the request had there that got it. */
  readonly vary: readonly (readonly [name: string, value: string])[];
}

/** What answers take that are being copied while slow clients read them; of all lanes together. */
const MOST_COPYING = 16 * 1024 * 1024;

/** What a lane has kept, and room for what it is about to keep. */
interface Memory {
  readonly kept: StoredAnswers<Good>;
  readonly room: CopyRoom;
}

/** One for all routes of a plan. */
export function makeLastGood({ clock, shared }: Pick<Tools, "clock" | "shared">): Policy {
  const kept = new StoredAnswers<Good>(Math.floor(MOST_BYTES / shared.seat.lanes));
  const memory = { kept, room: new CopyRoom(Math.max(MOST_OF_ONE, MOST_COPYING / shared.seat.lanes)) };
  const fallBack = withFallback((call) => recall(kept, call, clock));
  return (next) =>
    fallBack((call) => {
      const reply = next(call);
      if (call.request.method !== "GET") return reply;
      return reply instanceof Promise
        ? reply.then((settled) => remember(memory, call, settled, clock))
        : remember(memory, call, reply, clock);
    });
}

function remember({ kept, room }: Memory, call: Call, reply: Reply, clock: Clock): Reply {
  if (reply.status !== 200 || !mayBeKept(call, reply)) return reply;
  const vary = dependencies(call.request.headers, reply.headers);
  const key = keyOf(call);
  const keeper: CopyKeeper = {
    whole(body) {
      const answer = storedAnswer(reply, body);
      kept.set(key, { answer, storedAt: clock.now(), vary }, weightOf(answer));
    },
    // What was good before is better than nothing.
    none() {},
  };
  return copied(reply, MOST_OF_ONE, keeper, room);
}

function mayBeKept({ request }: Call, { headers, error }: Reply): boolean {
  if (error !== undefined || headers.has("set-cookie")) return false;
  if (headers.all("vary").join(",").includes("*")) return false;
  return !says(request.headers, "no-store") && !says(headers, "no-store") && !says(headers, "private");
}

const says = (headers: Headers, directive: string): boolean =>
  headers
    .all("cache-control")
    .join(",")
    .toLowerCase()
    .split(",")
    .some((part) => part.split("=")[0]?.trim() === directive);

/** What the service says the answer depends on; of one that it has encoded also the encodings that were asked for. */
function dependencies(asked: Headers, answer: Headers): Good["vary"] {
  const names = answer.all("vary").join(",").toLowerCase().split(",");
  if (answer.has("content-encoding")) names.push("accept-encoding");
  const distinct = new Set(names.map((name) => name.trim()).filter((name) => name !== ""));
  return [...distinct].map((name) => [name, asked.all(name).join(",")] as const);
}

function recall(kept: StoredAnswers<Good>, call: Call, clock: Clock): Reply | null {
  const { method, headers, body } = call.request;
  if (method !== "GET" && method !== "HEAD") return null;
  const good = kept.get(keyOf(call));
  if (good === undefined) return null;
  if (!good.vary.every(([name, value]) => headers.all(name).join(",") === value)) return null;
  body?.cancel();
  const reply = replyOf(good.answer);
  const before = Number(reply.headers.get("age") ?? 0) || 0;
  reply.headers.set("Age", String(Math.floor(before + (clock.now() - good.storedAt) / 1000)));
  return reply;
}

/** Of one digest for who is asking: credentials are not kept. */
function keyOf({ request, principal, version }: Call): string {
  const { host, path, query, headers } = request;
  const who = [
    principal?.kind,
    principal?.id,
    principal?.consumer,
    ...CREDENTIALS.flatMap((name) => headers.all(name)),
  ];
  const digest = hash("sha256", JSON.stringify(who), "base64");
  return `${digest} ${version?.name ?? ""} ${host} ${path}${query}`;
}
