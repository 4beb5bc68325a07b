/** The public surface: what a `turnpike.config.ts` and an embedding program may import. */

export { defineResource, type TypedResource } from "./config/resources/define.ts";
export { defineConfig } from "./config/schema.ts";
export type { Call, Request } from "./core/call.ts";
export { type ErrorCode, type ErrorDetail, GatewayError } from "./core/errors.ts";
export { type Fact, fact } from "./core/facts.ts";
export type { Handler, Policy } from "./core/handler.ts";
export { Headers } from "./core/headers.ts";
export { definePolicy, type PolicyKind } from "./core/policy.ts";
export type { Reply } from "./core/reply.ts";
export type { HookContext, Hooks, ResourceEvent } from "./core/resource.ts";
export {
  type AnswerContext,
  type ChangeContext,
  defineChange,
  type VersionChange,
} from "./core/version.ts";
export { type RunningGateway, runGateway } from "./main.ts";
