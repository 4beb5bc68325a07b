import { GatewayError } from "../../core/errors.ts";
import { Networks } from "../../core/networks.ts";
import { definePolicy } from "../../core/policy.ts";
import { ipAllowOptions } from "./ip-allow.options.ts";

/** Looks at the address of the client as trusted proxies tell it, never at what the client says of itself. */
export const ipAllow = definePolicy({
  name: "ip-allow",
  summary: "Lets only clients from some networks call.",
  options: ipAllowOptions,
  rejects: ["ADDRESS_NOT_ALLOWED"],
  create({ allow = ["0.0.0.0/0", "::/0"], deny = [] }) {
    const allowed = new Networks(allow);
    const denied = new Networks(deny);
    return (next) => (call) => {
      const { clientIp } = call;
      if (denied.has(clientIp) || !allowed.has(clientIp)) throw new GatewayError("ADDRESS_NOT_ALLOWED");
      return next(call);
    };
  },
});
