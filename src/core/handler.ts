import type { Call } from "./call.ts";
import type { Reply } from "./reply.ts";

/** Answers a call. Every backend is one. */
export type Handler = (call: Call) => Reply | Promise<Reply>;

/**
 * Everything between the router and the backend. Composed once, when the plan is made;
 * a guard that lets a call pass is `return next(call)`: no promise, no allocation.
 */
export type Policy = (next: Handler) => Handler;
