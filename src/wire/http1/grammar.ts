/** Character classes of RFC 9110 §5 and RFC 9112, as one table lookup per byte of a latin1 string. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;

const TOKEN = 1;
const FIELD_VALUE = 2;
const TARGET = 4;

const classes = new Uint8Array(256);
for (let code = 0x21; code <= 0x7e; code++) classes[code] = FIELD_VALUE | TARGET;
// obs-text: old clients send UTF-8 or latin1 in values, and the bytes are passed on as they are.
for (let code = 0x80; code <= 0xff; code++) classes[code] = FIELD_VALUE;
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[char.charCodeAt(0)] = (classes[char.charCodeAt(0)] ?? 0) | TOKEN;
}
classes[SP] = FIELD_VALUE;
classes[HTAB] = FIELD_VALUE;
// RFC 9112 §3.2: a fragment is never part of a request target.
classes["#".charCodeAt(0)] = TOKEN | FIELD_VALUE;

/** `tchar` of RFC 9110 §5.6.2. */
export function isTokenChar(code: number): boolean {
  return ((classes[code] as number) & TOKEN) !== 0;
}

/** VCHAR, obs-text, SP and HTAB: what a field value may hold (RFC 9110 §5.5). */
export function isFieldValueChar(code: number): boolean {
  return ((classes[code] as number) & FIELD_VALUE) !== 0;
}

/** Visible ASCII without `#`. Which of them a path may hold is decided by its normalisation. */
export function isTargetChar(code: number): boolean {
  return ((classes[code] as number) & TARGET) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) if (!isTokenChar(text.charCodeAt(i))) return false;
  return true;
}

/**
 * `Content-Length` as RFC 9110 §8.6 writes it: digits and nothing else. -1 if it is anything but one number
 * that a double holds exactly.
 */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > 15) return -1;
  for (let i = 0; i < value.length; i++) if (!isDigit(value.charCodeAt(i))) return -1;
  return Number(value);
}

/** The members of a comma-separated list, lower-cased, OWS removed, empty members dropped (RFC 9110 §5.6.1). */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  for (const part of value.split(",")) {
    const member = trimOws(part).toLowerCase();
    if (member !== "") members.push(member);
  }
  return members;
}

/** OWS is SP and HTAB only; `String.trim` would also take NBSP and vertical tab for white space. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === SP || code === HTAB;
}
