/**
 * Keeps credentials out of logs (OBS-7). Where it is in doubt it hides: a log line that says too little is a
 * nuisance, one that holds a key is an incident.
 */

const REDACTED = "[redacted]";

/**
 * Query parameters whose values are secrets (AUTH-5 and OBS-7, RFC 6749 and 7523 parameters, signed URLs of the
 * large clouds): letters and digits only, in lower case, since `api_key`, `api-key` and `apiKey` are the same name to people.
 */
const SECRET_NAMES = new Set([
  "accesstoken",
  "apikey",
  "assertion",
  "clientassertion",
  "clientsecret",
  "code",
  "codeverifier",
  "idtoken",
  "key",
  "password",
  "refreshtoken",
  "secret",
  "sig",
  "signature",
  "token",
  "xamzsecuritytoken",
  "xamzsignature",
  "xapikey",
  "xgoogsignature",
]);

/** Part of every name above, or of its percent-encoded form: most queries are done with this one test. */
const HINT = /assertion|code|key|password|secret|sig|token|%/i;

/** The query (`?…`) as it may be logged: values of secret parameters replaced, every other byte as received. */
export function redactQuery(query: string): string {
  if (query.length < 2) return query;
  const suspect = looksSecret(query);
  if (!suspect && !HINT.test(query)) return query;
  let redacted = "";
  let copied = 0;
  // 1: behind the question mark.
  for (let from = 1; from < query.length; ) {
    const ampersand = query.indexOf("&", from);
    const end = ampersand === -1 ? query.length : ampersand;
    const pair = query.slice(from, end);
    const shown = redactPair(pair, suspect);
    if (shown !== pair) {
      redacted += query.slice(copied, from) + shown;
      copied = end;
    }
    from = end + 1;
  }
  return copied === 0 ? query : redacted + query.slice(copied);
}

/** What lies between two `&`. Some servers split at `;` too, so a secret may start there, but it ends at the `&`. */
function redactPair(pair: string, suspect: boolean): string {
  let from = 0;
  for (const part of pair.includes(";") ? pair.split(";") : [pair]) {
    const equals = part.indexOf("=");
    if (equals !== -1 && isSecretName(part.slice(0, equals))) {
      return `${pair.slice(0, from + equals + 1)}${REDACTED}`;
    }
    from += part.length + 1;
  }
  return suspect && looksSecret(pair) ? hideValue(pair) : pair;
}

/** Keeps the name where it is the value that looks secret. */
function hideValue(pair: string): string {
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals + 1);
  return equals === -1 || looksSecret(name) ? REDACTED : `${name}${REDACTED}`;
}

/** Servers decode names, ignore case in places, and read `user[password]` as a member of `user`. */
function isSecretName(name: string): boolean {
  const plain = decoded(name)
    .toLowerCase()
    .replace(/[^a-z0-9[\]]/g, "");
  if (SECRET_NAMES.has(plain)) return true;
  return plain.includes("[") && plain.split(/[[\]]/).some((part) => SECRET_NAMES.has(part));
}

/** Log fields that are never written out. Not `code` and `key`, which in a log are an error's and a key's id. */
const SECRET_FIELDS = new Set([
  "accesstoken",
  "apikey",
  "authorization",
  "clientsecret",
  "cookie",
  "headers",
  "idtoken",
  "password",
  "proxyauthorization",
  "refreshtoken",
  "secret",
  "setcookie",
  "token",
  "xapikey",
]);

/** Whether a log field of this name is withheld whatever it holds. */
export function isSecretField(name: string): boolean {
  return SECRET_FIELDS.has(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

/** The path as it may be logged: segments that look like a credential replaced. */
export function redactPath(path: string): string {
  if (!looksSecret(path)) return path;
  return path
    .split("/")
    .map((segment) => (looksSecret(segment) ? REDACTED : segment))
    .join("/");
}

/** One value from outside (a user agent) as it may be logged: words that look like a credential replaced. */
export function redactText(text: string): string {
  if (!looksSecret(text)) return text;
  return text.replace(/[^\s"'<>,;()]+/g, (word) => (looksSecret(word) ? REDACTED : word));
}

/** The message of an error, which may quote URLs and headers, as it may be logged. */
export function redactMessage(message: string): string {
  return redactText(
    message
      .replace(/\b(bearer|basic) +[^\s"',;]+/gi, `$1 ${REDACTED}`)
      .replace(/\/\/[^\s/@]*@/g, `//${REDACTED}@`)
      .replace(/\?[^\s"'<>]*/g, redactQuery),
  );
}

/** Prefixes of keys: ours (also with a prefix from the config), admin tokens, webhook secrets (Standard Webhooks), and the ones that most often end up in a wrong place. */
const KEY =
  /(?<![A-Za-z0-9])(?:(?:[rs]k|tp)_(?:live|test)_|[A-Za-z0-9]{1,16}_(?:live|test)_[A-Za-z0-9]{20}|tpa_[A-Za-z0-9]{20}|whsec_)/;

/** Whether a key or a JWT is anywhere in a text, also percent-encoded. */
function looksSecret(text: string): boolean {
  // One of the two is in every secret that is known here, and looking for a fixed string costs next to nothing.
  if (!text.includes("_") && !text.includes("eyJ") && !text.includes("%")) return false;
  if (KEY.test(text) || holdsJwt(text)) return true;
  if (!text.includes("%")) return false;
  const plain = decoded(text);
  return plain !== text && (KEY.test(plain) || holdsJwt(plain));
}

/**
 * `eyJ` (the start of every JSON object in base64), more of that alphabet, a dot: a JWT or JWE (RFC 7519). Without the
 * dot it is what page cursors look like. By hand because a regular expression would start over at every `eyJ`.
 */
function holdsJwt(text: string): boolean {
  let at = text.indexOf("eyJ");
  while (at !== -1) {
    let end = at + 3;
    while (end < text.length && isBase64Url(text.charCodeAt(end))) end += 1;
    if (text.charCodeAt(end) === 0x2e) return true;
    at = text.indexOf("eyJ", end);
  }
  return false;
}

const isBase64Url = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) ||
  (c >= 0x41 && c <= 0x5a) ||
  (c >= 0x61 && c <= 0x7a) ||
  c === 0x2d ||
  c === 0x5f;

/** Percent-decoded byte by byte: unlike `decodeURIComponent` it cannot be made to give up by one broken escape. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  const parts = text.split("%");
  let plain = parts[0] ?? "";
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] ?? "";
    const byte = HEX_BYTE.get(part.slice(0, 2).toLowerCase());
    plain += byte === undefined ? `%${part}` : byte + part.slice(2);
  }
  return plain;
}

const HEX_BYTE: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 256 }, (_, byte) => [byte.toString(16).padStart(2, "0"), String.fromCharCode(byte)]),
);
