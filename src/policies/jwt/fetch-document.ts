/**
 * Fetches a small document from an address that a config names (SSRF-1 … SSRF-5): the address that was checked is the
 * one that is connected to, nothing is followed, and nothing large is read.
 */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "../../core/public-address.ts";

export interface FetchOptions {
  readonly url: URL;
  readonly allowPrivate: boolean;
  /** PEM; the system's roots when absent. */
  readonly ca: Buffer | undefined;
  /** Bytes of the content; more is an error. */
  readonly most: number;
}

export interface Fetched {
  readonly content: Buffer;
  /** `Cache-Control`; empty for none. */
  readonly cacheControl: string;
}

export interface Fetching {
  readonly result: Promise<Fetched>;
  /** Gives it up; the result is an error then. */
  cancel(reason: Error): void;
}

export function fetchDocument({ url, allowPrivate, ca, most }: FetchOptions): Fetching {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host))
    return { result: Promise.reject(notPublic(host)), cancel: () => {} };
  const request = (secure ? requestHttps : requestHttp)(url, {
    // An agent of its own: no proxy of the environment, and no connection that somebody else has opened.
    agent: secure ? new HttpsAgent() : new HttpAgent(),
    headers: { Accept: "application/jwk-set+json, application/json", "Accept-Encoding": "identity" },
    ...(allowPrivate ? {} : { lookup: lookupPublic }),
    ...(ca === undefined ? {} : { ca }),
  });
  const result = new Promise<Fetched>((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      readContent(response, most).then(resolve, reject);
    });
    request.end();
  });
  return { result, cancel: (reason) => request.destroy(reason) };
}

async function readContent(response: IncomingMessage, most: number): Promise<Fetched> {
  try {
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) throw new Error(`answered more than ${most} bytes`);
      chunks.push(chunk);
    }
    return { content: Buffer.concat(chunks), cacheControl: response.headers["cache-control"] ?? "" };
  } finally {
    response.destroy();
  }
}

const notPublic = (host: string): Error =>
  new Error(`${host} is a private or local address, which is not allowed`);

/** Runs for every connection, so that a name which has come to mean something else since is judged anew. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  const all: LookupOptions & { all: true } = { ...options, all: true };
  lookup(hostname, all, (error, addresses) => {
    if (error !== null) callback(error, "");
    else if (!addresses.every(({ address }) => isPublicAddress(address))) callback(notPublic(hostname), "");
    else if (options.all === true) callback(null, addresses);
    else callback(null, (addresses[0] as LookupAddress).address, addresses[0]?.family);
  });
};
