import { RawClient, type RawResponse } from "./raw.ts";

/** Sends one request on a connection that is kept, and takes its answer off what was received. */
export async function ask(
  client: RawClient,
  request: string | Buffer,
  timeout = 5_000,
): Promise<RawResponse> {
  client.send(request);
  const response = await client.response(timeout);
  client.received = Buffer.alloc(0);
  return response;
}

/** One request on a connection of its own. */
export async function askOnce(port: number, request: string | Buffer, timeout = 5_000): Promise<RawResponse> {
  const client = await RawClient.to(port);
  try {
    return await ask(client, request, timeout);
  } finally {
    client.destroy();
  }
}

export function get(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: example\r\n${fields}\r\n`;
}

export function post(path: string, body: string, fields = ""): string {
  return `POST ${path} HTTP/1.1\r\nHost: example\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

/** What our own error answers say. */
export function errorCode(response: RawResponse): string | undefined {
  return response.headers.get("x-error-code")?.[0];
}
