import assert from "node:assert/strict";
import type { RawResponse } from "../harness/raw.ts";

interface Message {
  readonly message: string;
  readonly details: readonly { readonly field: string; readonly issue: string }[];
}

/** What one of our error answers says. */
export function message(response: RawResponse): Message {
  return (JSON.parse(response.body.toString()) as { error: Message }).error;
}

export function only<One>(all: readonly One[]): One {
  assert.equal(all.length, 1);
  return all[0] as One;
}
