import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { nginxBase, nginxHttpBase } from "../origin.ts";
import { find, freePort, launch, run, writeConfig } from "../processes.ts";
import { consumer, exposed, origin, type Stack, secretOf } from "../stack.ts";
import {
  nginxAnswerFields,
  nginxLog,
  nginxLogFormat,
  nginxOrigins,
  nginxProxying,
  nginxRequestFields,
  nginxUpstream,
} from "./nginx.ts";
import type { Peer, PeerName } from "./peer.ts";

/** What gateways such as Kong and APISIX are built on, without their own price. */
const guard = fileURLToPath(new URL("guard.lua", import.meta.url));

const guarding =
  "as nginx, with LuaJIT: key in a shared dictionary (in clear), token bucket as one number in another (GCRA), limit fields on answers";

/** Key, counter, fields and log in Lua, each in the phase that such gateways use for it. */
export const nginxLua = peer({
  name: "nginx-lua",
  does: `${guarding}; fields of id, CORS and limit in the header filter, JSON line in the log phase, collected for 64 KiB or 100 ms; no traces`,
  worker: `  init_worker_by_lua_block { require("guard").start_log() }`,
  log: () => "    access_log off;",
  work: `      access_by_lua_block { require("guard").access() }
      header_filter_by_lua_block { require("guard").fields() }
      log_by_lua_block { require("guard").log() }`,
});

/** As little Lua as will do: what NGINX can do by itself it does. */
export const nginxLuaLean = peer({
  name: "nginx-lua-lean",
  does: `${guarding}, all in the access phase; fields of id and CORS by add_header, JSON line by access_log; no traces`,
  worker: "",
  log: nginxLog,
  work: `      access_by_lua_block { require("guard").lean() }
${nginxAnswerFields}`,
});

interface Kind {
  readonly name: PeerName;
  readonly does: string;
  readonly worker: string;
  readonly log: (path: string) => string;
  readonly work: string;
}

function peer({ name: kind, does, worker, log, work }: Kind): Peer {
  return {
    name: kind,
    statesLimits: true,
    does: () => does,

    async probe() {
      const program = find("nginx");
      if (program === null) return { missing: "nginx is not installed" };
      const { text } = await run([program, "-V"]);
      const folder = modulesFolder(text);
      const lacking = modules.find((module) => !existsSync(`${folder}/${module}`));
      if (lacking !== undefined) return { missing: `${lacking} is not installed (libnginx-mod-http-lua)` };
      return { version: `${/nginx\/\S+/.exec(text)?.[0]} with ngx_http_lua_module` };
    },

    async start({ name, folder, originPort, core, setting: { stack } }) {
      if (stack === null) throw new Error("without policies there is no Lua to run");
      const program = find("nginx") ?? "nginx";
      const modulesIn = modulesFolder((await run([program, "-V"])).text);
      const port = await freePort();
      const logPath = `${folder}/${name}-access.log`;
      const config = `${modules.map((file) => `load_module ${modulesIn}/${file};`).join("\n")}
${nginxBase(folder, name)}
http {
${nginxHttpBase(folder, name)}
  lua_package_path "${dirname(guard)}/?.lua;;";
  lua_shared_dict keys 10m;
  lua_shared_dict buckets 10m;
  init_by_lua_block { require("guard").start(${settings(stack, logPath)}) }
${worker}
${nginxUpstream(originPort)}
${nginxOrigins}
${nginxLogFormat()}
  server {
    listen 127.0.0.1:${port};
${log(logPath)}
    location / {
      set $consumer "";
${work}
${nginxRequestFields}
${nginxProxying}
    }
  }
}
`;
      const path = writeConfig(folder, `${name}.conf`, config);
      const command = [program, "-e", "stderr", "-c", path, "-p", folder];
      const running = await launch({ name, command, folder, core, ready: { port } });
      return {
        program: running,
        port,
        config: `${config}\n-- guard.lua\n${readFileSync(guard, "utf8")}`,
        logPath,
      };
    },
  };
}

const modules = ["ndk_http_module.so", "ngx_http_lua_module.so"];

function modulesFolder(buildOptions: string): string {
  return /--modules-path=(\S+)/.exec(buildOptions)?.[1] ?? "/usr/lib/nginx/modules";
}

function settings({ limit }: Stack, log: string): string {
  const texts = { key: secretOf(0), consumer, origin, exposed, log };
  const fields = Object.entries(texts).map(([name, value]) => `${name} = "${value}"`);
  return `{ limit = ${limit.count}, window = ${limit.seconds}, ${fields.join(", ")} }`;
}
