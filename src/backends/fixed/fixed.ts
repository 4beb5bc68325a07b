import { BytesBody } from "../../core/body.ts";
import type { Handler } from "../../core/handler.ts";
import { Headers } from "../../core/headers.ts";
import type { FixedOptions } from "../../core/kinds.ts";

/** The same answer to every call, from the config. */
export function makeFixed(options: FixedOptions): Handler {
  const headers = new Headers();
  for (const [name, value] of options.headers) headers.append(name, value);
  const { status, body } = options;
  return (call) => {
    call.request.body?.cancel();
    return { status, headers, body: body === null ? null : new BytesBody(body) };
  };
}
