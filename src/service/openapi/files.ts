import { hash } from "node:crypto";
import type { Resources } from "../../core/resource.ts";
import type { ApiVersion } from "../../core/version.ts";
import { openApiOf } from "./document.ts";
import type { OpenApiOptions } from "./types.ts";

export interface OpenApiFile {
  /** JSON. */
  readonly body: Buffer;
  /** With its quotes. */
  readonly etag: string;
}

/** The documents of all versions, each made when it is first asked for. */
export class OpenApiFiles {
  readonly #resources: Resources;
  readonly #options: Omit<OpenApiOptions, "version">;
  readonly #known = new Map<ApiVersion | null, OpenApiFile>();

  constructor(resources: Resources, options: Omit<OpenApiOptions, "version">) {
    this.#resources = resources;
    this.#options = options;
  }

  of(version: ApiVersion | null): OpenApiFile {
    const known = this.#known.get(version);
    if (known !== undefined) return known;
    const text = JSON.stringify(openApiOf(this.#resources, { ...this.#options, version }));
    const file = { body: Buffer.from(text), etag: `"${hash("sha256", text, "hex").slice(0, 32)}"` };
    this.#known.set(version, file);
    return file;
  }
}
