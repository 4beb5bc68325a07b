import { z } from "zod";
import { refuseFieldName, text, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { DEFAULT_KEY_PREFIX, KEY_PREFIX } from "../../core/key-format.ts";
import { KEY_ENVIRONMENTS } from "../../core/keys.ts";

const header = text("the name of a header", (name) =>
  /^(authorization|cookie)$/i.test(name)
    ? `${name} cannot hold a key alone; keys in "Authorization: Bearer" are a matter of "bearer"`
    : refuseFieldName(name),
);

const prefix = text("a prefix such as tp", (value) =>
  KEY_PREFIX.test(value) ? undefined : `expected 1 to 16 letters and digits, ${found(value)}`,
);

const realm = text("a realm", (value) =>
  /^[ -~]{1,64}$/.test(value) ? undefined : `expected 1 to 64 printable ASCII characters, ${found(value)}`,
);

export const apiKeyOptions = z.strictObject({
  header: header.default("X-API-Key").describe("The header that keys come in."),
  bearer: z
    .boolean()
    .default(true)
    .describe("Whether keys may come in `Authorization: Bearer`, too; if not, that header is left alone."),
  prefix: prefix
    .default(DEFAULT_KEY_PREFIX)
    .describe(
      "What keys issued by this gateway begin with: `tp` makes `tp_live_…` and `tp_test_…`. Such a key with a wrong checksum is refused without a look-up.",
    ),
  optional: z
    .boolean()
    .default(false)
    .describe(
      "Whether a call without a key passes, for `jwt` or `authorize` behind; a wrong key never does.",
    ),
  environment: word(KEY_ENVIRONMENTS)
    .optional()
    .describe("Only keys of this environment pass; those of the other get 403."),
  forward: z.boolean().default(false).describe("Whether the upstream gets to see the key."),
  realm: realm.default("api").describe("The `realm` of `WWW-Authenticate`."),
});
