import { z } from "zod";
import { cidr, distinct } from "../../core/fields.ts";

export const ipAllowOptions = z
  .strictObject({
    allow: distinct(cidr)
      .min(1)
      .optional()
      .describe(
        "Networks or addresses that may call, and nobody else; everybody who is not denied when left out.",
      ),
    deny: distinct(cidr)
      .min(1)
      .optional()
      .describe("Networks or addresses that may not call, even if they are allowed."),
  })
  .check(({ value, issues }) => {
    if (value.allow !== undefined || value.deny !== undefined) return;
    issues.push({
      code: "custom",
      input: value,
      message: 'expected "allow", "deny" or both, such as allow: ["10.0.0.0/8"]',
    });
  });
