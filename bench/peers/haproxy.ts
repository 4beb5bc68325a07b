import { find, freePort, launch, run, writeConfig } from "../processes.ts";
import type { Peer } from "./peer.ts";

export const haproxy: Peer = {
  name: "haproxy",
  statesLimits: false,

  does: () =>
    "HTTP mode with kept-alive connections on both sides, reused for any client, buffers that hold 16 KiB in one piece; strict parser; no ids, no traces, no log",

  async probe() {
    const program = find("haproxy");
    if (program === null) return { missing: "haproxy is not installed" };
    return { version: (await run([program, "-v"])).text.split("\n")[0]?.split(" - ")[0] ?? "unknown" };
  },

  async start({ name, folder, originPort, core }) {
    const port = await freePort();
    const config = `global
  nbthread 1
  maxconn 8192
  tune.bufsize 32768
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend front
  bind 127.0.0.1:${port}
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort} pool-purge-delay 1h
`;
    const path = writeConfig(folder, `${name}.cfg`, config);
    const command = [find("haproxy") ?? "haproxy", "-db", "-q", "-f", path];
    const program = await launch({ name, command, folder, core, ready: { port } });
    return { program, port, config, logPath: null };
  },
};
