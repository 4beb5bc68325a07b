/** `postgres://user:password@host:port/database?sslmode=…`, read alike by who checks a config and by who connects. */
import { anyOf, listOf, quoted } from "./found.ts";

export interface PostgresAddress {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty for none. */
  readonly password: string;
  readonly database: string;
  /** Null for plain text. */
  readonly tls: PostgresTls | null;
}

export interface PostgresTls {
  /** Who the server has to prove to be: nobody, somebody whom the authority knows, the host of the URL. */
  readonly verify: "nothing" | "authority" | "host";
  /** Files in PEM. */
  readonly authority?: string;
  readonly certificate?: string;
  readonly key?: string;
}

const DEFAULT_PORT = 5432;

export const isPostgresUrl = (text: string): boolean => /^postgres(ql)?:\/\//.test(text);

/** Parameters that name files. */
export const FILE_PARAMETERS = ["sslrootcert", "sslcert", "sslkey"] as const;
const PARAMETERS: readonly string[] = ["sslmode", ...FILE_PARAMETERS];

/** As libpq has them; those that would fall back to plain text without a word are not among them. */
const MODES: Readonly<Record<string, PostgresTls["verify"] | null>> = {
  disable: null,
  require: "nothing",
  "verify-ca": "authority",
  "verify-full": "host",
};

/** Or a sentence about what is wrong with it, without anything that may be a password. */
export function readPostgresUrl(text: string): PostgresAddress | string {
  const url = URL.parse(text);
  if (url === null) return UNREADABLE;
  try {
    const user = decodeURIComponent(url.username);
    if (user === "") return "expected a user, as in postgres://user:password@127.0.0.1:5432/database";
    const tls = readTls(url.searchParams);
    if (typeof tls === "string") return tls;
    return {
      // In the URL an IPv6 address stands in brackets, and a folder has its slashes encoded.
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1") || "localhost",
      port: url.port === "" ? DEFAULT_PORT : Number(url.port),
      user,
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)) || user,
      tls,
    };
  } catch {
    return UNREADABLE;
  }
}

const UNREADABLE =
  "expected a URL such as postgres://user:password@127.0.0.1:5432/database; this one cannot be read (does the password have characters that need %-encoding?)";

function readTls(parameters: URLSearchParams): PostgresTls | null | string {
  // Not by its name: with a password that is not encoded, the rest of it comes to stand here.
  if ([...parameters.keys()].some((name) => !PARAMETERS.includes(name)))
    return `only these parameters are known behind the "?": ${listOf(PARAMETERS)}`;
  const mode = parameters.get("sslmode") ?? "disable";
  const verify = MODES[mode];
  if (verify === undefined) return `sslmode ${quoted(mode)} is not known; write ${anyOf(Object.keys(MODES))}`;
  const [authority, certificate, key] = FILE_PARAMETERS.map((name) => parameters.get(name));
  if (verify === null) return authority || certificate || key ? "sslmode=disable uses no certificates" : null;
  if (verify === "authority" && !authority)
    return "sslmode=verify-ca needs sslrootcert, the authority's file";
  if (!certificate !== !key) return "sslcert and sslkey go together";
  return {
    verify,
    ...(authority ? { authority } : {}),
    ...(certificate && key ? { certificate, key } : {}),
  };
}

/** For people: where it is, and as whom, without the password. */
export function shownPostgresUrl(text: string): string {
  const address = readPostgresUrl(text);
  if (typeof address === "string") return "postgres://…";
  const { user, host, port, database } = address;
  return `postgres://${user}@${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}
