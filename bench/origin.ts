/**
 * The origin behind every proxy: one NGINX worker that answers from memory, keeps every connection open
 * and counts what it is asked. The same for all, so that only the proxies differ.
 */

import { type OriginCount, parseStubStatus } from "./measure.ts";
import { find, freePort, launch, type Program, run, writeConfig } from "./processes.ts";
import { ask } from "./verify.ts";

export interface Origin {
  readonly program: Program;
  readonly port: number;
  readonly version: string;
  readonly config: string;
  /** Requests and connections so far, without this question itself. */
  readonly count: () => Promise<OriginCount>;
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
export const body100 = letters.repeat(3).slice(0, 100);
const kib = letters.repeat(29).slice(0, 1024);
export const body16k = kib.repeat(16);

/** Fields that a proxy may add to a request, or must not pass on. The origin repeats them under `/verify-…`, so that nobody is taken at his word. */
export const repeatedFields = [
  "Via",
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Proto",
  "X-Real-IP",
  "X-API-Key",
  "X-Consumer-Id",
  "X-Request-Id",
  "Traceparent",
] as const;

export async function startOrigin(folder: string, core: number | null): Promise<Origin> {
  const nginx = find("nginx");
  if (nginx === null) throw new Error("nginx is not installed; it is the origin of every case");
  const ports = { origin: await freePort(), echo: await freePort(), status: await freePort() };
  const config = originConfig(folder, ports);
  const path = writeConfig(folder, "origin.conf", config);
  const program = await launch({
    name: "origin",
    command: [nginx, "-e", "stderr", "-c", path, "-p", folder],
    folder,
    core,
    ready: { port: ports.origin },
  });
  const { text } = await run([nginx, "-v"]);
  let questions = 0;
  const count = async (): Promise<OriginCount> => {
    const { body } = await ask({ port: ports.status, path: "/" });
    const seen = parseStubStatus(body);
    if (seen === null) throw new Error(`the origin's stub_status cannot be read: ${body.slice(0, 80)}`);
    questions += 1;
    return { connections: seen.connections - questions, requests: seen.requests - questions };
  };
  return { program, port: ports.origin, version: text.trim().replace("nginx version: ", ""), config, count };
}

/** What every NGINX here has in common. */
export function nginxBase(folder: string, name: string): string {
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/${name}.pid;
error_log ${folder}/${name}-error.log error;
events { worker_connections 8192; }`;
}

export function nginxHttpBase(folder: string, name: string): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `  access_log off;
  server_tokens off;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_time 24h;
  keepalive_timeout 1h;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`).join("\n  ")}`;
}

function originConfig(folder: string, ports: { origin: number; echo: number; status: number }): string {
  const repeated = repeatedFields
    .map((field) => `${field}: $http_${field.toLowerCase().replaceAll("-", "_")}`)
    .join("\\n");
  return `${nginxBase(folder, "origin")}
http {
${nginxHttpBase(folder, "origin")}
  server {
    listen 127.0.0.1:${ports.origin};
    client_body_buffer_size 16k;
    location / { return 200 "${body100}"; }
    location = /100 { return 200 "${body100}"; }
    location = /post { return 200 "${body100}"; }
    location = /16k {
      set $kib "${kib}";
      return 200 "${"$kib".repeat(16)}";
    }
    location ~ /verify- { return 200 "$request_method $request_uri\\n${repeated}\\n"; }
    location = /verify-body {
      proxy_pass http://127.0.0.1:${ports.echo};
      proxy_set_header X-Body $request_body;
      proxy_set_header Content-Length "";
      proxy_pass_request_body off;
    }
  }
  server {
    listen 127.0.0.1:${ports.echo};
    location / { return 200 "$http_x_body"; }
  }
  server {
    listen 127.0.0.1:${ports.status};
    location / { stub_status; }
  }
}
`;
}
