import assert from "node:assert/strict";
import { Contract } from "./contract.ts";

/** As `fetch`, with a path in the place of a URL. */
export type CheckedFetch = (path: string, init?: RequestInit) => Promise<Response>;

/**
 * Asks a gateway, and holds each answer to the OpenAPI document that it serves for the version that was asked for. Throws
 * an AssertionError that names everything which the document does not allow. `document` is for gateways that serve none
 * where `base` (its origin, without a slash at the end) leads.
 */
export function checkedFetch(base: string, document?: unknown): CheckedFetch {
  const contracts = new Map<string, Promise<Contract | null>>();
  return async (path, init = {}) => {
    const request = new Headers(init.headers);
    const prefix = /^\/v\d[^/]*(?=\/)/i.exec(path)?.[0] ?? "";
    const version = request.get("api-version") ?? new URL(path, base).searchParams.get("version") ?? "";
    const key = `${prefix} ${version}`;
    if (!contracts.has(key)) {
      const own =
        document === undefined
          ? served(base + prefix, version, request)
          : Promise.resolve(new Contract(document));
      contracts.set(key, own);
    }
    const response = await fetch(base + path, init);
    const contract = await contracts.get(key);
    const body = await response.clone().text();
    const mistakes = contract?.mistakes({
      method: (init.method ?? "GET").toUpperCase(),
      path,
      requestHeaders: Object.fromEntries(request),
      ...(typeof init.body === "string" ? { requestBody: init.body } : {}),
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body,
    });
    assert.deepEqual(mistakes ?? [], [], `the answer is not what the document says: ${body.slice(0, 2_000)}`);
    return response;
  };
}

/** Null for a version that there is not: nothing is promised about it. */
async function served(root: string, version: string, request: Headers): Promise<Contract | null> {
  const headers = new Headers();
  for (const name of ["authorization", "x-api-key", "api-version", "host"]) {
    const value = request.get(name);
    if (value !== null) headers.set(name, value);
  }
  const inQuery = version !== "" && !request.has("api-version");
  const response = await fetch(`${root}/openapi.json${inQuery ? `?version=${version}` : ""}`, { headers });
  if (response.status === 200) return new Contract(await response.json());
  const named = version !== "" || /\/v\d[^/]*$/i.test(root);
  assert.ok(named, `GET /openapi.json answers ${response.status}`);
  return null;
}
