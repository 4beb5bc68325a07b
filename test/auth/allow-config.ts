import type { Call } from "../../src/core/call.ts";
import type { Principal } from "../../src/core/principal.ts";
import { SECRET } from "./allow-secret.ts";
import { AUDIENCE, ISSUER } from "./tokens.ts";

function allow(call: Call, principal: Principal): unknown {
  switch (call.params["what"]) {
    case "yes":
      return true;
    case "later":
      return Promise.resolve(principal.consumer === "user-1");
    case "no":
      return false;
    case "never":
      return Promise.resolve(false);
    case "truthy":
      return 1;
    case "object":
      return {};
    case "nothing":
      return undefined;
    case "throws":
      throw new Error("canary of the database");
    default:
      return Promise.reject(new Error("canary of the database"));
  }
}

const issuers = [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }];

export const config = {
  routes: [
    {
      path: "/{what}",
      to: { fixed: { status: 200 } },
      policies: [{ jwt: { issuers } }, { authorize: { allow } }],
    },
  ],
};
