import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:net";
import { askOnce, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { AUDIENCE, ecdsa, ed25519, hmac, type Json, jwkOf, pss, rsa, type Signer } from "./tokens.ts";

/** A gateway in front of an origin that records, and time that stands still. */
export interface Stand {
  readonly gateway: TestGateway;
  readonly origin: RecordingOrigin;
  /** One GET with these field lines. */
  ask(fields: string, path?: string): Promise<RawResponse>;
  bearer(token: string, path?: string): Promise<RawResponse>;
  /** Epoch milliseconds. */
  wall(): number;
  stop(): Promise<void>;
}

/** One route `/*` with these policies, or whatever `rest` says. */
export async function startStand(policies: readonly Json[], rest: Json = {}): Promise<Stand> {
  const origin = await RecordingOrigin.start();
  const routes = [{ name: "all", path: "/*", to: { upstream: "origin" }, policies }];
  const gateway = await startGateway(
    { upstreams: { origin: { targets: [origin.url] } }, routes, ...rest },
    { time: "by hand" },
  );
  const ask = (fields: string, path = "/") => askOnce(gateway.port, get(path, fields));
  return {
    gateway,
    origin,
    ask,
    bearer: (token, path) => ask(`Authorization: Bearer ${token}\r\n`, path),
    wall: () => gateway.clock.wall(),
    async stop() {
      await gateway.stop();
      await origin.stop();
    },
  };
}

/** What the gateway trusts, by the algorithm that its tokens are signed with. */
export interface TrustedSigner {
  readonly alg: string;
  readonly issuer: string;
  readonly sign: Signer;
  /** The entry of `issuers` that trusts it. */
  readonly config: Json;
  readonly publicKey: ReturnType<typeof generateKeyPairSync>["publicKey"] | null;
  readonly privateKey: ReturnType<typeof generateKeyPairSync>["privateKey"] | null;
}

const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ecPairs = {
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ES512: generateKeyPairSync("ec", { namedCurve: "P-521" }),
};
const edPair = generateKeyPairSync("ed25519");
export const SECRET = randomBytes(64).toString("base64url");

const trusted = (
  alg: string,
  sign: Signer,
  key: Json,
  pair: Pick<TrustedSigner, "publicKey" | "privateKey">,
): TrustedSigner => {
  const issuer = `https://${alg.toLowerCase()}.example`;
  return {
    alg,
    issuer,
    sign,
    config: { issuer, audience: AUDIENCE, algorithms: [alg], keys: [key] },
    ...pair,
  };
};

const none = { publicKey: null, privateKey: null };
const hash = (alg: string): string => `sha${alg.slice(2)}`;

export const SIGNERS: readonly TrustedSigner[] = [
  ...["HS256", "HS384", "HS512"].map((alg) =>
    trusted(alg, hmac(SECRET, hash(alg)), { secret: SECRET }, none),
  ),
  ...["RS256", "RS384", "RS512"].map((alg) =>
    trusted(alg, rsa(rsaPair.privateKey, hash(alg)), { jwk: jwkOf(rsaPair.publicKey) }, rsaPair),
  ),
  ...["PS256", "PS384", "PS512"].map((alg) =>
    trusted(alg, pss(rsaPair.privateKey, hash(alg)), { jwk: jwkOf(rsaPair.publicKey) }, rsaPair),
  ),
  ...Object.entries(ecPairs).map(([alg, pair]) =>
    trusted(alg, ecdsa(pair.privateKey, hash(alg)), { jwk: jwkOf(pair.publicKey) }, pair),
  ),
  ...["EdDSA", "Ed25519"].map((alg) =>
    trusted(alg, ed25519(edPair.privateKey), { jwk: jwkOf(edPair.publicKey) }, edPair),
  ),
];

/** Somewhere for tokens to point at: whoever connects is counted. */
export async function startSink(): Promise<{
  readonly port: number;
  connections: () => number;
  stop: () => Promise<void>;
}> {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    connections: () => connections,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
