import type { Principal } from "../../core/principal.ts";
import type { Resource, View } from "../../core/resource.ts";
import type { ApiVersion } from "../../core/version.ts";

/** Who asks for an operation, whichever face he came by. */
export interface Caller {
  /** Null while nobody has proved anything. */
  readonly principal: Principal | null;
  /** Null where the API has no versions. */
  readonly version: ApiVersion | null;
  readonly requestId: string;
  /** Value of `WWW-Authenticate` for somebody who has to prove who he is. */
  readonly challenge: string;
}

const NONE: ReadonlySet<string> = new Set();

export const scopesOf = ({ principal }: Pick<Caller, "principal">): ReadonlySet<string> =>
  principal?.scopes ?? NONE;

/** How the caller sees a resource. Who names no version where there are some sees the newest. */
export function viewOf(resource: Resource, version: ApiVersion | null): View {
  return resource.views.get(version) ?? ([...resource.views.values()].at(-1) as View);
}
