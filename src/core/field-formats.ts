/** Formats of texts, checked in linear time: of strings, and of points in time and days (RFC 3339). */
import { createRequire } from "node:module";
import type { FieldFormat } from "./resource.ts";

const load = createRequire(import.meta.url);

type Fits = (text: string) => boolean;

/** RFC 5321 §4.5.3.1. */
const LONGEST_EMAIL = 254;
const LONGEST_LOCAL_PART = 64;
/** RFC 1035 §2.3.4, with a dot at the end. */
const LONGEST_HOSTNAME = 254;
const LONGEST_ADDRESS = 45;
const LONGEST_URI = 8_192;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** E.164: a plus sign, a country code, at most 15 digits. */
const PHONE = /^\+[1-9][0-9]{5,14}$/;

/** ISO 3166-1 alpha-2, officially assigned. */
const COUNTRIES: ReadonlySet<string> = new Set(
  (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG " +
    "CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL " +
    "GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA " +
    "LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP " +
    "NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV " +
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
  ).split(" "),
);

/** Made when they are first asked for: some load a library. */
const checks = new Map<FieldFormat, Fits>();

export function hasFormat(format: FieldFormat, text: string): boolean {
  const known = checks.get(format);
  if (known !== undefined) return known(text);
  const made = checkOf(format);
  checks.set(format, made);
  return made(text);
}

function checkOf(format: FieldFormat): Fits {
  switch (format) {
    case "email":
      return isEmail(known("email", LONGEST_EMAIL));
    case "uri":
      return known("uri", LONGEST_URI);
    case "hostname":
      return known("hostname", LONGEST_HOSTNAME);
    case "ipv4":
    case "ipv6":
      return known(format, LONGEST_ADDRESS);
    case "uuid":
      return (text) => UUID.test(text);
    case "phone":
      return (text) => PHONE.test(text);
    case "currency":
      return isCurrency();
    case "country":
      return (text) => COUNTRIES.has(text);
  }
}

/** Those that JSON Schema knows, so that an answer which a schema describes fits it. Some take the square of a length. */
function known(format: "email" | "uri" | "hostname" | "ipv4" | "ipv6", longest: number): Fits {
  const { fullFormats } = load("ajv-formats/dist/formats.js") as typeof import("ajv-formats/dist/formats.js");
  const check = fullFormats[format] as RegExp | Fits;
  const fits = check instanceof RegExp ? (text: string) => check.test(text) : check;
  return (text) => text.length <= longest && fits(text);
}

const isEmail = (fits: Fits) => (text: string) => fits(text) && text.indexOf("@") <= LONGEST_LOCAL_PART;

function isCurrency(): Fits {
  const codes: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));
  return (text) => codes.has(text);
}

const DATETIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,64}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const MINUTE = 60_000;

/**
 * In UTC, with three digits of a second, or six where there are microseconds; what is finer is cut off. Null for what is no
 * point in time: days that do not exist, 24:00, leap seconds (no database here keeps them), years before 1 and after 9999.
 */
export function readDatetime(text: string): string | null {
  const found = DATETIME.exec(text);
  if (found === null) return null;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour = 0, offsetMinute = 0] =
    found;
  if (!isDay(Number(year), Number(month), Number(day))) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return null;
  const micros = fraction.padEnd(6, "0").slice(0, 6);
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${micros.slice(0, 3)}Z`);
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * MINUTE;
  const utc = new Date(sign === "-" ? local + offset : local - offset).toISOString();
  // What leaves the four digits of a year, the language writes with a sign and six.
  if (utc.length !== 24 || utc.startsWith("0000")) return null;
  const finer = micros.slice(3);
  return finer === "000" ? utc : `${utc.slice(0, 23)}${finer}Z`;
}

/** The text itself; null for what is no day. */
export function readDate(text: string): string | null {
  const found = DATE.exec(text);
  if (found === null) return null;
  return isDay(Number(found[1]), Number(found[2]), Number(found[3])) ? text : null;
}

function isDay(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
