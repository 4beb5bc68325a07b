/** What is asked of the requests for one operation. */
import type { Call } from "../../core/call.ts";
import type { ErrorDetail } from "../../core/errors.ts";
import type { Location } from "../../core/field-path.ts";
import type { BodyRules } from "./content.ts";
import type { Parameters } from "./parameters.ts";
import { CookieTexts, FormTexts, HeaderTexts, PathTexts } from "./texts.ts";

export interface Operation {
  /** By where they are, in the order in which errors are listed (ERR-4). */
  readonly parameters: readonly (readonly [location: Location, parameters: Parameters])[];
  /** Null where nothing is asked of a body. */
  readonly body: BodyRules | null;
}

/** The operation that a call asks for; null for one that is not looked at. */
export interface Found {
  readonly operation: Operation;
  /** Decoded. */
  readonly path: Readonly<Record<string, string>>;
}

const NOTHING: readonly ErrorDetail[] = [];

/** Everything that is wrong with a request but for its body. */
export function checkParameters({ operation, path }: Found, call: Call): readonly ErrorDetail[] {
  let details = NOTHING;
  for (const [location, parameters] of operation.parameters) {
    const wrong = parameters.check(textsOf(location, call, path));
    if (wrong.length > 0) details = [...details, ...wrong];
  }
  return details;
}

function textsOf(location: Location, call: Call, path: Readonly<Record<string, string>>) {
  switch (location) {
    case "path":
      return new PathTexts(path);
    case "query":
      return new FormTexts(call.request.query.slice(1));
    case "header":
      return new HeaderTexts(call);
    case "cookie":
      return new CookieTexts(call);
  }
}
