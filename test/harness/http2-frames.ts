import { RawClient } from "./raw.ts";

/** A client that sends exactly the HTTP/2 frames it is told (RFC 9113 §4.1), right or wrong. */

export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const Code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export type Field = readonly [name: string, value: string];

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Every field spelt out (RFC 7541 §6.2.2): no table, no Huffman code, nothing that could go wrong by itself. */
export function headerBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** RFC 7541 §5.1 with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** A GET as a browser would send it; `fields` behind the pseudo-header fields. */
export function requestFields(path: string, fields: readonly Field[] = [], method = "GET"): Field[] {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", path],
    [":authority", "example.com"],
    ...fields,
  ];
}

export function headers(stream: number, fields: readonly Field[], endStream = true): Buffer {
  const flags = Flag.endHeaders | (endStream ? Flag.endStream : 0);
  return frame(Type.headers, flags, stream, headerBlock(fields));
}

export function reset(stream: number, code: number = Code.cancel): Buffer {
  return frame(Type.reset, 0, stream, word(code));
}

/** Complete frames, and how many bytes there are behind them. */
export function parseFrames(bytes: Buffer): { frames: Frame[]; left: number } {
  const frames: Frame[] = [];
  let at = 0;
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    frames.push({ type, flags, stream, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return { frames, left: bytes.length - at };
}

export class FrameClient {
  readonly raw: RawClient;

  private constructor(raw: RawClient) {
    this.raw = raw;
  }

  /** `settings`: pairs of identifier and value for the first SETTINGS frame. */
  static async to(port: number, settings: readonly (readonly [number, number])[] = []): Promise<FrameClient> {
    const client = new FrameClient(await RawClient.to(port));
    const payload = Buffer.alloc(6 * settings.length);
    settings.forEach(([id, value], at) => {
      payload.writeUInt16BE(id, 6 * at);
      payload.writeUInt32BE(value, 6 * at + 2);
    });
    client.send(PREFACE, frame(Type.settings, 0, 0, payload));
    return client;
  }

  send(...bytes: readonly Buffer[]): void {
    this.raw.send(Buffer.concat(bytes));
  }

  /** Everything received so far. */
  get frames(): Frame[] {
    return parseFrames(this.raw.received).frames;
  }

  async until(holds: (frames: readonly Frame[]) => boolean, timeout = 5_000): Promise<void> {
    await this.raw.until(() => holds(this.frames), timeout);
  }

  /** Waits for the end of a stream: the body of its answer, or the code of the reset. */
  async outcome(
    stream: number,
    timeout = 5_000,
  ): Promise<{ body: string } | { reset: number } | { goaway: number }> {
    const ends = (one: Frame) =>
      one.type === Type.goaway ||
      (one.stream === stream &&
        (one.type === Type.reset ||
          ((one.type === Type.data || one.type === Type.headers) && (one.flags & Flag.endStream) !== 0)));
    await this.raw.until(() => this.frames.some(ends) || this.raw.closed !== null, timeout);
    const end = this.frames.find(ends);
    if (end?.type === Type.reset) return { reset: end.payload.readUInt32BE(0) };
    if (end === undefined || end.type === Type.goaway) return { goaway: this.goaway ?? -1 };
    const data = this.frames.filter((one) => one.type === Type.data && one.stream === stream);
    return { body: Buffer.concat(data.map(({ payload }) => payload)).toString() };
  }

  /** The code of the last GOAWAY. */
  get goaway(): number | undefined {
    return this.frames.findLast(({ type }) => type === Type.goaway)?.payload.readUInt32BE(4);
  }

  destroy(): void {
    this.raw.destroy();
  }
}
