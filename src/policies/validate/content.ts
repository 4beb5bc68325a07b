/** The body of a request: which types an operation takes, and what is wrong with one that came. */
import type { Call } from "../../core/call.ts";
import { type ErrorDetail, GatewayError } from "../../core/errors.ts";
import { fieldText } from "../../core/field-path.ts";
import type { Headers } from "../../core/headers.ts";
import { JsonError, readJson } from "../../core/json.ts";
import type { Validator } from "../../core/json-schema/ajv.ts";
import { explain } from "../../core/json-schema/explain.ts";
import type { Parameters } from "./parameters.ts";
import { FormTexts } from "./texts.ts";

/** What an operation says of one type of body. */
export interface Content {
  /** Lower-case, without parameters: `application/json`, `application/*`, and what stands for all. */
  readonly range: string;
  /** Of JSON and of plain text. */
  readonly validator: Validator | null;
  /** Of a form. */
  readonly form: Parameters | null;
}

export interface BodyOptions {
  readonly required: boolean;
  readonly contents: readonly Content[];
  /** Takes every `+json` type for `application/json`. */
  readonly anyJson: boolean;
}

type Format = "json" | "form" | "text";

const NOTHING: readonly ErrorDetail[] = [];
const FORM = "application/x-www-form-urlencoded";

/** What is to be looked at in one request's body. */
export interface BodyCheck {
  readonly format: Format;
  readonly content: Content;
}

export class BodyRules {
  readonly #options: BodyOptions;
  readonly #accept: string;

  constructor(options: BodyOptions) {
    this.#options = options;
    this.#accept = options.contents.map(({ range }) => range).join(", ");
  }

  /**
   * How the body has to be checked; null where there is none, or nothing to check.
   *
   * @throws GatewayError BODY_REQUIRED, UNSUPPORTED_MEDIA_TYPE.
   */
  checkOf(call: Call): BodyCheck | null {
    const { body, headers, method } = call.request;
    if (body === null || body.size === 0) {
      this.#missing();
      return null;
    }
    const type = mediaType(headers);
    const content = type === null ? undefined : this.#contentOf(type);
    if (type === null || content === undefined) throw this.#unsupported(method);
    const format = formatOf(type, content);
    if (format === null) return null;
    // A reader would see another text than the sender's (HTTP-6).
    if (format === "json" && !isUtf8(headers)) throw this.#unsupported(method, "JSON is UTF-8.");
    if (isEncoded(headers)) {
      throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", {
        message: "The body of the request is checked here and must not have a Content-Encoding.",
        headers: { "Accept-Encoding": "identity" },
      });
    }
    return { format, content };
  }

  /** @throws GatewayError BODY_REQUIRED, INVALID_JSON. */
  check({ format, content }: BodyCheck, bytes: Buffer): readonly ErrorDetail[] {
    // A chunked body shows only at its end that it is none.
    if (bytes.length === 0) return this.#missing();
    if (format === "form") return content.form?.check(new FormTexts(bytes.toString("utf8"))) ?? NOTHING;
    const value = format === "json" ? parse(bytes) : bytes.toString("utf8");
    const { validator } = content;
    if (validator === null || validator.accepts(value)) return NOTHING;
    const findings = explain(value, validator.errors(value));
    return findings.map(({ path, issue }) => ({ field: fieldText(path), issue }));
  }

  #missing(): readonly ErrorDetail[] {
    if (this.#options.required) throw new GatewayError("BODY_REQUIRED");
    return NOTHING;
  }

  #contentOf(type: string): Content | undefined {
    const { contents, anyJson } = this.#options;
    const major = `${type.slice(0, type.indexOf("/"))}/*`;
    const named = (range: string) => contents.find((content) => content.range === range);
    return (
      named(type) ??
      (anyJson && isJson(type) ? named("application/json") : undefined) ??
      named(major) ??
      named("*/*")
    );
  }

  #unsupported(method: string, why = ""): GatewayError {
    if (this.#accept === "") {
      return new GatewayError("UNSUPPORTED_MEDIA_TYPE", { message: "This operation takes no body." });
    }
    const headers: Record<string, string> = { Accept: this.#accept };
    // RFC 5789 §2.2; W3C LDP §7.1.
    if (method === "PATCH" || method === "POST") {
      headers[method === "PATCH" ? "Accept-Patch" : "Accept-Post"] = this.#accept;
    }
    const message = `This operation takes a body of the type ${this.#accept}. ${why}`.trim();
    return new GatewayError("UNSUPPORTED_MEDIA_TYPE", { message, headers });
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return readJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new GatewayError("INVALID_JSON", {
      message: `The body of the request is not valid JSON: ${error.message}.`,
      details: [{ field: "", issue: error.message }],
    });
  }
}

const TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Lower-case, without parameters; null for none, for several, and for what is none. */
export function mediaType(headers: Headers): string | null {
  const lines = headers.all("content-type");
  if (lines.length !== 1) return null;
  const type = essence(lines[0] as string);
  return TYPE.test(type) ? type : null;
}

export function essence(type: string): string {
  const end = type.indexOf(";");
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

const isJson = (type: string): boolean =>
  type === "application/json" || type === "text/json" || type.endsWith("+json");

/** How a body of that type is read; null where nothing is said of its inside, so that it can stream past. */
function formatOf(type: string, content: Content): Format | null {
  if (isJson(type)) return "json";
  if (type === FORM) return content.form === null ? null : "form";
  return type.startsWith("text/") && content.validator !== null ? "text" : null;
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;

function isUtf8(headers: Headers): boolean {
  const charset = CHARSET.exec(headers.get("content-type") ?? "")?.[1]?.toLowerCase();
  return charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}

function isEncoded(headers: Headers): boolean {
  return headers
    .all("content-encoding")
    .some((value) => value.trim() !== "" && value.trim().toLowerCase() !== "identity");
}
