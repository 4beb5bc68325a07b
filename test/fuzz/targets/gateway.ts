import type { Target } from "../target.ts";
export function gatewayTarget(): Target { throw new Error("later"); }
