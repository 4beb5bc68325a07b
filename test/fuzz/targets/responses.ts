import type { Target } from "../target.ts";
export function responsesTarget(): Target { throw new Error("later"); }
