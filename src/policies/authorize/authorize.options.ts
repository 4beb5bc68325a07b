import { z } from "zod";
import type { Call } from "../../core/call.ts";
import { distinct, text, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { scope } from "../../core/key-fields.ts";
import { METHODS } from "../../core/methods.ts";
import type { Principal } from "../../core/principal.ts";
import { duration } from "../../core/values.ts";

/** The last resort, in a TypeScript config. Anything but `true` refuses; what it throws is answered with 500. */
export type Allow = (call: Call, principal: Principal) => boolean | Promise<boolean>;

const role = text("a role", (value) => (value === "" ? "expected a role, found nothing" : undefined));

const claimValue = z.union([z.string(), z.number(), z.boolean()], {
  error: ({ input }) => `expected a text, a number, true or false, ${found(input)}`,
});

const allow = z
  .unknown()
  .check(({ value, issues }) => {
    if (value === undefined || typeof value === "function") return;
    const message = `expected a function, which only a turnpike.config.ts can hold, ${found(value)}`;
    issues.push({ code: "custom", input: value, message });
  })
  .transform((value) => value as Allow | undefined);

const rule = {
  scopes: distinct(scope).min(1).optional().describe("Scopes that the caller must have, all of them."),
  anyScope: distinct(scope).min(1).optional().describe("Scopes of which the caller must have one."),
  roles: distinct(role)
    .min(1)
    .optional()
    .describe("Roles of which the caller must have one, itself or by inheritance."),
  claims: z
    .record(z.string(), z.union([claimValue, z.array(claimValue).min(1)]))
    .optional()
    .describe(
      "Claims of the token, each with the value it must have or list, or several of which one will do. `{name}` stands for a parameter of the route's path.",
    ),
  consumers: distinct(
    text("a consumer", (value) => (value === "" ? "expected a consumer, found nothing" : undefined)),
  )
    .min(1)
    .optional()
    .describe("Who may call. `{name}` stands for a parameter of the route's path."),
  allow: allow
    .optional()
    .describe("In a TypeScript config: `(call, principal) => boolean`, or a promise of one, asked last."),
};

const ruleOfMethod = z.strictObject(rule);

export const authorizeOptions = z
  .strictObject({
    ...rule,
    methods: z
      .partialRecord(word(METHODS), ruleOfMethod)
      .optional()
      .describe(
        "What a method needs besides the rest. HEAD is GET. Methods that are not listed are refused, unless there is a rule for all.",
      ),
    inherits: z
      .record(role, distinct(role))
      .prefault({})
      .describe("Which roles a role includes, such as `admin: [editor]`."),
    acr: distinct(
      text("a class", (value) =>
        /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value) ? undefined : `expected one word in ASCII, ${found(value)}`,
      ),
    )
      .min(1)
      .optional()
      .describe(
        "Classes of authentication (`acr`) of which the token must have one; else the client is asked to step up.",
      ),
    maxAuthAge: duration({ min: "1s", max: "3650d" })
      .optional()
      .describe(
        "How long ago the user may have signed in (`auth_time`); else the client is asked to sign in again.",
      ),
    deny: z
      .boolean()
      .default(false)
      .describe(
        "Refuses every call that no other authorize behind this one allows: for `policies` of the whole gateway.",
      ),
    public: z
      .boolean()
      .default(false)
      .describe("Allows everybody, also without a credential: opens a route where `deny` closes the rest."),
    realm: text("a realm", (value) =>
      /^[\x20-\x7e]{1,64}$/.test(value) ? undefined : `expected 1 to 64 ASCII characters, ${found(value)}`,
    )
      .default("api")
      .describe("Named in `WWW-Authenticate`."),
  })
  .check(({ value, issues }) => {
    const { deny, public: open, realm: _, inherits: __, ...rules } = value;
    const others = Object.entries(rules).flatMap(([name, rule]) => (rule === undefined ? [] : [name]));
    const refuse = (path: string, message: string) =>
      issues.push({ code: "custom", input: value, path: [path], message });
    if (deny && open)
      refuse("public", "an entry with deny cannot be public; open single routes in their own policies");
    else if ((deny || open) && others.length > 0)
      refuse(
        deny ? "deny" : "public",
        `${deny ? "deny" : "public"} stands alone; put ${others.join(", ")} into an entry of its own`,
      );
  });

export type AuthorizeOptions = z.output<typeof authorizeOptions>;
export type Rule = z.output<typeof ruleOfMethod>;
