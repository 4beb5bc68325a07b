import { brotliDecompress, gunzip, inflate, type ZlibOptions, zstdDecompress } from "node:zlib";
import { BytesBody } from "../../core/body.ts";
import type { Headers } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import type { Answer } from "../../core/sealed-answer.ts";

/** What a body of 16 MiB of zeros becomes is not what a replay is for. */
const MOST_DECODED = 16 * 1024 * 1024;

type Decoder = (
  body: Buffer,
  options: Pick<ZlibOptions, "maxOutputLength">,
  done: (error: Error | null, decoded: Buffer) => void,
) => void;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
  ["zstd", zstdDecompress],
]);

/** The answer once more, for a client that may read other codings than the first one did (IDEM-19). */
export async function replayOf(answer: Answer, requestId: string, asked: Headers): Promise<Reply> {
  const { status, headers } = answer;
  const body = await readableBody(answer, asked);
  headers.set("Idempotent-Replayed", "true");
  headers.set("Original-Request", requestId);
  return { status, headers, body: body.length === 0 ? null : new BytesBody(body) };
}

/** Services are asked not to encode. Where one does, who cannot read that gets it decoded, if it can be. */
async function readableBody({ headers, body }: Answer, asked: Headers): Promise<Buffer> {
  const coding = headers.get("content-encoding")?.toLowerCase();
  const decode = coding === undefined ? undefined : DECODERS.get(coding);
  if (coding === undefined || decode === undefined || accepts(asked, coding)) return body;
  const decoded = await new Promise<Buffer | null>((resolve) => {
    decode(body, { maxOutputLength: MOST_DECODED }, (error, bytes) => resolve(error === null ? bytes : null));
  });
  if (decoded === null) return body;
  headers.delete("content-encoding");
  headers.vary("Accept-Encoding");
  weakenTag(headers);
  return decoded;
}

/** RFC 9110 §8.8.3: other bytes, though they say the same. */
function weakenTag(headers: Headers): void {
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) headers.set("ETag", `W/${tag}`);
}

/** RFC 9110 §12.5.3: who says nothing takes everything. */
function accepts(headers: Headers, coding: string): boolean {
  const said = headers.all("accept-encoding");
  if (said.length === 0) return true;
  const names = coding === "x-gzip" || coding === "gzip" ? ["gzip", "x-gzip"] : [coding];
  const weights = new Map(said.join(",").split(",").map(weighted));
  const named = names.flatMap((name) => weights.get(name) ?? []);
  return Math.max(...named, named.length === 0 ? (weights.get("*") ?? 0) : 0) > 0;
}

function weighted(item: string): [name: string, weight: number] {
  const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((part) => part.startsWith("q="));
  return [name, weight === undefined ? 1 : Number(weight.slice(2)) || 0];
}
