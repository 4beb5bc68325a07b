/**
 * Lets one service, which speaks the newest version, serve an older one (VER-7): makes the request newer change by
 * change, oldest first, and the answer older the other way round. Only whole JSON is ever converted; what cannot be
 * converted is an error, because half a conversion would be a wrong answer.
 */
import { type Body, BytesBody } from "../../core/body.ts";
import { bufferBody, gather } from "../../core/buffer-body.ts";
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler, Policy } from "../../core/handler.ts";
import type { Headers } from "../../core/headers.ts";
import { JsonError, readJson } from "../../core/json.ts";
import type { Reply } from "../../core/reply.ts";
import {
  type AnswerContext,
  type ApiVersion,
  type ChangeContext,
  canonicalVersion,
  changesFor,
  type VersionChange,
  type VersionsPlan,
} from "../../core/version.ts";
import { EntityTags } from "./entity-tags.ts";
import { isJsonPatch, isJsonType, parseExactly } from "./json.ts";

export function makeConversion(plan: VersionsPlan, version: ApiVersion, route: string): Policy {
  const steps: readonly Step[] = changesFor(plan.list.slice(version.place + 1), route);
  if (steps.length === 0) return (backend) => backend;
  return (backend) => new Conversion(plan, version, route, steps, backend).handler;
}

/** A change, and the version that made it. */
interface Step {
  readonly change: VersionChange;
  readonly of: string;
}

type Part = "query" | "headers" | "request" | "response" | "error";

class Conversion {
  readonly #plan: VersionsPlan;
  readonly #version: ApiVersion;
  readonly #route: string;
  /** Oldest first. */
  readonly #steps: readonly Step[];
  readonly #backend: Handler;
  readonly #tags: EntityTags;

  constructor(
    plan: VersionsPlan,
    version: ApiVersion,
    route: string,
    steps: readonly Step[],
    backend: Handler,
  ) {
    this.#plan = plan;
    this.#version = version;
    this.#route = route;
    this.#steps = steps;
    this.#backend = backend;
    this.#tags = new EntityTags(canonicalVersion(version.name) ?? version.name);
  }

  readonly handler: Handler = async (call) => {
    const { method } = call.request;
    const context: ChangeContext = {
      route: this.#route,
      method,
      params: call.params,
      version: this.#version.name,
    };
    await this.#convertRequest(call, context);
    const reply = await this.#backend(call);
    // What the gateway says for itself has one shape in all versions.
    if (reply.tunnel !== undefined || reply.error !== undefined) return reply;
    return this.#convertReply(call, reply, context);
  };

  #has(part: Part): boolean {
    return this.#steps.some(({ change }) => change[part] !== undefined);
  }

  // ---------------------------------------------------------------- older request → newer request

  async #convertRequest(call: Call, context: ChangeContext): Promise<void> {
    const { request } = call;
    if (this.#has("query")) {
      const parameters = new URLSearchParams(request.query);
      const before = parameters.toString();
      await this.#upward("query", parameters, context);
      const after = parameters.toString();
      // Untouched, it stays as it was written.
      if (after !== before) request.query = after === "" ? "" : `?${after}`;
    }
    await this.#upward("headers", request.headers, context);
    if (this.#has("request")) await this.#convertRequestBody(call, context);
    if (this.#has("response") || this.#has("error")) this.#askForConvertible(request.headers);
  }

  async #convertRequestBody(call: Call, context: ChangeContext): Promise<void> {
    const { request } = call;
    if (request.body === null || !isJsonType(request.headers)) return;
    if (isEncoded(request.headers)) throw notTaken(context, "bodies with a Content-Encoding");
    // A list of operations on a document of the older shape is no older document.
    if (isJsonPatch(request.headers)) throw notTaken(context, "JSON Patch");
    const bytes = await bufferBody(call, this.#plan.maxBody);
    if (bytes.length === 0) return;
    const newer = await this.#upward("request", readRequestJson(bytes), context);
    request.body = new BytesBody(Buffer.from(JSON.stringify(newer)));
    dropDigests(request.headers);
  }

  /** A whole answer, in plain JSON: nothing else can be converted. */
  #askForConvertible(headers: Headers): void {
    headers.set("Accept-Encoding", "identity");
    for (const lower of ["range", "if-range"]) headers.delete(lower);
    this.#tags.unmark(headers);
  }

  async #upward(
    part: "query" | "headers" | "request",
    first: unknown,
    context: ChangeContext,
  ): Promise<unknown> {
    let value = first;
    for (const step of this.#steps) value = await applied(step, part, value, context);
    return value;
  }

  // ---------------------------------------------------------------- newer answer → older answer

  async #convertReply(call: Call, reply: Reply, context: ChangeContext): Promise<Reply> {
    const part = reply.status >= 400 ? "error" : "response";
    if (!this.#has("response") && !this.#has(part)) return reply;
    // A backend may share its fields between answers.
    const headers = reply.headers.without(0);
    this.#tags.mark(headers);
    if (!this.#has(part)) return { ...reply, headers };
    if (reply.body === null) {
      // HEAD and 304 tell the length of a body that would be another one here.
      if (call.request.method === "HEAD" || reply.status === 304) headers.delete("content-length");
      return { ...reply, headers };
    }
    if (!isJsonType(headers)) return { ...reply, headers };
    const bytes = await this.#gathered(reply.status, headers, reply.body);
    if (bytes.length === 0) return { ...reply, headers, body: new BytesBody(bytes) };
    const newer = readAnswerJson(bytes);
    const older = await this.#downward(part, newer, { ...context, status: reply.status, headers });
    dropDigests(headers);
    headers.delete("accept-ranges");
    return { ...reply, headers, body: new BytesBody(Buffer.from(JSON.stringify(older))) };
  }

  async #downward(part: "response" | "error", first: unknown, context: AnswerContext): Promise<unknown> {
    let value = first;
    for (const step of this.#steps.toReversed()) value = await applied(step, part, value, context);
    return value;
  }

  async #gathered(status: number, headers: Headers, body: Body): Promise<Buffer> {
    try {
      if (isEncoded(headers))
        throw notConvertible("the service encoded its answer, although it was asked not to");
      if (status === 206)
        throw notConvertible("the service answered with a part, although it was asked for the whole");
      return await gather(body, this.#plan.maxBody);
    } catch (error) {
      body.cancel();
      if (GatewayError.from(error).code !== "PAYLOAD_TOO_LARGE") throw error;
      throw notConvertible("the answer is larger than versions.maxBody");
    }
  }
}

/** What the change makes of a value; the value itself, perhaps changed in place, where it returns nothing. */
async function applied(
  { change, of }: Step,
  part: Part,
  value: unknown,
  context: ChangeContext | AnswerContext,
): Promise<unknown> {
  const convert = change[part] as ((value: unknown, context: unknown) => unknown) | undefined;
  if (convert === undefined) return value;
  try {
    const made = await convert.call(change, value, context);
    return made === undefined ? value : made;
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const why = `the change "${change.summary}" of version ${of} failed in ${part}: ${message}`;
    throw new GatewayError("INTERNAL_ERROR", { cause: new Error(why, { cause: thrown }) });
  }
}

function notConvertible(why: string, cause?: unknown): GatewayError {
  return new GatewayError("ANSWER_NOT_CONVERTIBLE", { cause: new Error(why, { cause }) });
}

function readAnswerJson(bytes: Buffer): unknown {
  try {
    return parseExactly(bytes);
  } catch (error) {
    throw notConvertible("the service's answer is not JSON, although it says so", error);
  }
}

function notTaken({ version }: ChangeContext, what: string): GatewayError {
  const message = `Version ${version} of the API does not take ${what} here; the newest version does.`;
  return new GatewayError("UNSUPPORTED_MEDIA_TYPE", { message });
}

function readRequestJson(bytes: Buffer): unknown {
  try {
    readJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new GatewayError("INVALID_JSON", {
      message: `The body is not JSON that every reader understands alike: ${error.message}.`,
    });
  }
  return parseExactly(bytes);
}

function isEncoded(headers: Headers): boolean {
  const coding = headers.get("content-encoding");
  return coding !== undefined && coding.toLowerCase() !== "identity";
}

/** Of other bytes. */
function dropDigests(headers: Headers): void {
  for (const lower of ["content-md5", "digest", "content-digest", "repr-digest"]) headers.delete(lower);
}
