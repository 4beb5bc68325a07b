import type { PolicyKind } from "../core/policy.ts";
import { apiKey } from "./api-key/api-key.ts";
import { authorize } from "./authorize/authorize.ts";
import { bodyLimit } from "./body-limit/body-limit.ts";
import { cache } from "./cache/cache.ts";
import { cors } from "./cors/cors.ts";
import { idempotency } from "./idempotency/idempotency.ts";
import { ipAllow } from "./ip-allow/ip-allow.ts";
import { jwt } from "./jwt/jwt.ts";
import { rateLimit } from "./rate-limit/rate-limit.ts";
import { validate } from "./validate/validate.ts";

/** Every policy that can be named in a config. Alphabetical: the order in a config is the order of running. */
export const policies: readonly PolicyKind[] = [
  apiKey,
  authorize,
  bodyLimit,
  cache,
  cors,
  idempotency,
  ipAllow,
  jwt,
  rateLimit,
  validate,
];
