import { nginxBase, nginxHttpBase } from "../origin.ts";
import { find, freePort, launch, run, writeConfig } from "../processes.ts";
import { consumer, exposed, type Limit, origin, type Stack, secretOf } from "../stack.ts";
import type { Peer } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  statesLimits: false,

  does({ stack }) {
    const proxying =
      "proxy_pass over HTTP/1.1 with kept-alive upstream connections, buffers that hold 16 KiB in one piece; lenient header checks";
    return stack === null
      ? `${proxying}; no ids, no traces, no log`
      : `${proxying}; key and origin by map, limit_req by consumer, request id, JSON access_log with buffer=64k flush=100ms; cannot say in an answer how much of the limit is left; no traces`;
  },

  async probe() {
    const program = find("nginx");
    if (program === null) return { missing: "nginx is not installed" };
    return { version: (await run([program, "-v"])).text.trim().replace("nginx version: ", "") };
  },

  async start({ name, folder, originPort, core, setting: { stack } }) {
    const port = await freePort();
    const logPath = stack === null ? null : `${folder}/${name}-access.log`;
    const config = `${nginxBase(folder, name)}
http {
${nginxHttpBase(folder, name)}
${nginxUpstream(originPort)}
${stack === null ? "" : checks(stack)}
  server {
    listen 127.0.0.1:${port};
${logPath === null ? "" : nginxLog(logPath)}
    location / {
${stack === null ? "" : checksOfLocation(stack)}
${nginxProxying}
    }
  }
}
`;
    const path = writeConfig(folder, `${name}.conf`, config);
    const command = [find("nginx") ?? "nginx", "-e", "stderr", "-c", path, "-p", folder];
    const program = await launch({ name, command, folder, core, ready: { port } });
    return { program, port, config, logPath };
  },
};

export function nginxUpstream(originPort: number): string {
  return `  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    keepalive_timeout 1h;
  }`;
}

export const nginxProxying = `      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffer_size 32k;
      proxy_buffers 8 32k;`;

/** The fields of Turnpike's line, as far as NGINX knows them. */
export function nginxLogFormat(): string {
  const texts = {
    time: "$time_iso8601",
    level: "info",
    msg: "request",
    id: "$request_id",
    method: "$request_method",
    path: "$uri",
    query: "$args",
    host: "$host",
    upstream: "$upstream_addr",
    client_ip: "$remote_addr",
    user_agent: "$http_user_agent",
    http: "$server_protocol",
    consumer: "$consumer",
  };
  const numbers = {
    status: "$status",
    bytes_in: "$request_length",
    bytes_out: "$body_bytes_sent",
    duration_s: "$request_time",
  };
  const fields = [
    ...Object.entries(texts).map(([key, value]) => `"${key}":"${value}"`),
    ...Object.entries(numbers).map(([key, value]) => `"${key}":${value}`),
    // "-" while there is no upstream: not a number.
    '"upstream_s":"$upstream_response_time"',
  ];
  return `  log_format line escape=json '{${fields.join(",")}}';`;
}

/** Buffered as Turnpike buffers: 64 KiB or 100 ms. */
export function nginxLog(path: string): string {
  return `    access_log ${path} line buffer=64k flush=100ms;`;
}

/** What the request upstream carries besides what the client sent. */
export const nginxRequestFields = `      proxy_set_header X-API-Key "";
      proxy_set_header X-Consumer-Id $consumer;
      proxy_set_header X-Request-Id $request_id;`;

/** What the answer carries besides limits. */
export const nginxAnswerFields = `      add_header X-Request-Id $request_id always;
      add_header Access-Control-Allow-Origin $allowed_origin always;
      add_header Access-Control-Expose-Headers "${exposed}" always;
      add_header Vary Origin always;`;

export const nginxOrigins = `  map $http_origin $allowed_origin { "${origin}" $http_origin; }`;

function checks({ limit }: Stack): string {
  return `  map_hash_bucket_size 128;
${nginxOrigins}
  map $http_x_api_key $consumer { "${secretOf(0)}" ${consumer}; }
  limit_req_zone $consumer zone=consumers:10m rate=${rate(limit)};
${nginxLogFormat()}`;
}

function checksOfLocation({ limit }: Stack): string {
  return `      if ($consumer = "") { return 401; }
      limit_req zone=consumers burst=${limit.count - 1} nodelay;
      limit_req_status 429;
${nginxRequestFields}
${nginxAnswerFields}`;
}

/** NGINX counts by the second or by the minute. */
function rate({ count, seconds }: Limit): string {
  return seconds === 1 ? `${count}r/s` : `${Math.round((count * 60) / seconds)}r/m`;
}
