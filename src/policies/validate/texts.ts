/** Where parameters are written in a request, each with its texts as received and how they are decoded. */
import type { Call } from "../../core/call.ts";

export interface Texts {
  /** As received, in order; empty where there is none. */
  of(name: string): readonly string[];
  names(): Iterable<string>;
  /** Null for what is not encoded as it should be. */
  decode(text: string): string | null;
}

const NONE: readonly string[] = [];

/** The query, or a form in a body. */
export class FormTexts implements Texts {
  readonly #texts = new Map<string, string[]>();

  /** Without the `?`. */
  constructor(text: string) {
    for (const pair of text.split("&")) {
      if (pair === "") continue;
      const sign = pair.indexOf("=");
      const rawName = sign < 0 ? pair : pair.slice(0, sign);
      const name = decodeForm(rawName) ?? rawName;
      const texts = this.#texts.get(name);
      const value = sign < 0 ? "" : pair.slice(sign + 1);
      if (texts === undefined) this.#texts.set(name, [value]);
      else texts.push(value);
    }
  }

  of(name: string): readonly string[] {
    return this.#texts.get(name) ?? NONE;
  }

  names(): Iterable<string> {
    return this.#texts.keys();
  }

  decode(text: string): string | null {
    return decodeForm(text);
  }
}

/** RFC 6265 §4.2.1. */
export class CookieTexts implements Texts {
  readonly #texts = new Map<string, string[]>();

  constructor(call: Call) {
    for (const pair of call.request.headers.all("cookie").flatMap((line) => line.split(";"))) {
      const sign = pair.indexOf("=");
      if (sign < 0) continue;
      const name = pair.slice(0, sign).trim();
      const value = pair.slice(sign + 1).trim();
      const bare = /^"(.*)"$/.exec(value)?.[1] ?? value;
      this.#texts.set(name, [...this.of(name), bare]);
    }
  }

  of(name: string): readonly string[] {
    return this.#texts.get(name) ?? NONE;
  }

  names(): Iterable<string> {
    return this.#texts.keys();
  }

  decode(text: string): string | null {
    return decodePercent(text);
  }
}

/** Lines of the same name are one list (RFC 9110 §5.3). */
export class HeaderTexts implements Texts {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  of(name: string): readonly string[] {
    const lines = this.#call.request.headers.all(name.toLowerCase());
    return lines.length > 1 ? [lines.join(", ")] : lines;
  }

  names(): Iterable<string> {
    return NONE;
  }

  decode(text: string): string {
    return text.trim();
  }
}

/** Parameters of a path, which are decoded already. */
export class PathTexts implements Texts {
  readonly #parameters: Readonly<Record<string, string>>;

  constructor(parameters: Readonly<Record<string, string>>) {
    this.#parameters = parameters;
  }

  of(name: string): readonly string[] {
    return Object.hasOwn(this.#parameters, name) ? [this.#parameters[name] as string] : NONE;
  }

  names(): Iterable<string> {
    return NONE;
  }

  decode(text: string): string {
    return text;
  }
}

function decodeForm(text: string): string | null {
  return decodePercent(text.includes("+") ? text.replaceAll("+", " ") : text);
}

function decodePercent(text: string): string | null {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
