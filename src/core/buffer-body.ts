import { type Body, type BodyReader, BytesBody } from "./body.ts";
import type { Call } from "./call.ts";
import { GatewayError } from "./errors.ts";

const NOTHING = Buffer.alloc(0);

/**
 * The whole body of a call's request, in memory; empty where there is none. At once if it is already here, so that a
 * policy which needs it makes no promise for most calls.
 *
 * The request then has it again, to be read by whoever comes next: the same bytes, now with a length. Trailers are
 * dropped, as they are for every request (HTTP-27).
 *
 * @throws GatewayError PAYLOAD_TOO_LARGE beyond `limit` bytes (or the route's, if lower); what the sender did wrong.
 */
export function bufferBody(call: Call, limit: number): Buffer | Promise<Buffer> {
  const { body } = call.request;
  if (body === null) return NOTHING;
  const whole = gather(body, limit);
  if (!(whole instanceof Promise)) return whole;
  return whole.then((bytes) => {
    call.request.body = new BytesBody(bytes);
    return bytes;
  });
}

/**
 * All of a body, which is used up by it unless it is here already.
 *
 * @throws GatewayError PAYLOAD_TOO_LARGE beyond `limit` bytes (or the body's own, if lower); what the sender did wrong.
 */
export function gather(body: Body, limit: number): Buffer | Promise<Buffer> {
  if (body.size !== undefined && body.size > limit) throw new GatewayError("PAYLOAD_TOO_LARGE");
  if (body.bytes !== undefined) return body.bytes;
  body.limit = Math.min(body.limit, limit);
  return new Promise((resolve, reject) => {
    body.read(new Gatherer(resolve, reject));
  });
}

class Gatherer implements BodyReader {
  readonly #chunks: Buffer[] = [];
  readonly #done: (whole: Buffer) => void;
  readonly #failed: (error: GatewayError) => void;

  constructor(done: (whole: Buffer) => void, failed: (error: GatewayError) => void) {
    this.#done = done;
    this.#failed = failed;
  }

  data(chunk: Buffer): void {
    this.#chunks.push(Buffer.from(chunk));
  }

  end(): void {
    this.#done(Buffer.concat(this.#chunks));
  }

  error(error: GatewayError): void {
    this.#failed(error);
  }
}
