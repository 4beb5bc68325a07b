/** Who is calling, as a lane tells the service: made once for each credential, read once for each text. */
import type { Principal } from "../../core/principal.ts";
import { boundedMemo } from "./bounded-memo.ts";

/** As JSON in base64url; arrays in place of sets, and of the claims only who says so. */
interface SentPrincipal extends Pick<Principal, "kind" | "id" | "consumer" | "environment" | "plan"> {
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly issuer: string | null;
}

const written = new WeakMap<Principal, string>();

export function writeCaller(principal: Principal): string {
  let text = written.get(principal);
  if (text === undefined) {
    text = encode(principal);
    written.set(principal, text);
  }
  return text;
}

function encode({ kind, id, consumer, environment, plan, scopes, roles, claims }: Principal): string {
  const issuer = claims["iss"];
  const sent: SentPrincipal = {
    ...{ kind, id, consumer, environment, plan },
    scopes: [...scopes],
    roles: [...roles],
    issuer: typeof issuer === "string" ? issuer : null,
  };
  return Buffer.from(JSON.stringify(sent)).toString("base64url");
}

/** The same object for the same text, as long as it is remembered. */
export const readCaller: (text: string) => Principal = boundedMemo((text) => {
  const { scopes, roles, issuer, ...rest } = JSON.parse(
    Buffer.from(text, "base64url").toString(),
  ) as SentPrincipal;
  return {
    ...rest,
    scopes: new Set(scopes),
    roles: new Set(roles),
    claims: issuer === null ? {} : { iss: issuer },
    fields: "",
  };
});
