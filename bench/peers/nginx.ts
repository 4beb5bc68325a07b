import { nginxBase, nginxHttpBase } from "../origin.ts";
import { find, freePort, launch, run, writeConfig } from "../processes.ts";
import type { Peer } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  does: "proxy_pass over HTTP/1.1 with kept-alive upstream connections, buffers that hold 16 KiB in one piece; lenient header checks; no ids, no traces, no log",

  async probe() {
    const program = find("nginx");
    if (program === null) return { missing: "nginx is not installed" };
    return { version: (await run([program, "-v"])).text.trim().replace("nginx version: ", "") };
  },

  async start({ name, folder, originPort, core }) {
    const port = await freePort();
    const config = `${nginxBase(folder, name)}
http {
${nginxHttpBase(folder, name)}
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffer_size 32k;
      proxy_buffers 8 32k;
    }
  }
}
`;
    const path = writeConfig(folder, `${name}.conf`, config);
    const command = [find("nginx") ?? "nginx", "-e", "stderr", "-c", path, "-p", folder];
    const program = await launch({ name, command, folder, core, ready: { port } });
    return { program, port, config };
  },
};
