import type { Setting } from "../cases.ts";
import type { Program } from "../processes.ts";

export type PeerName =
  | "turnpike"
  | "nginx"
  | "nginx-lua"
  | "nginx-lua-lean"
  | "haproxy"
  | "fastify"
  | "express";

/** A proxy that can be started in front of the origin. */
export interface Peer {
  readonly name: PeerName;
  /** Whether its answers say how much of a limit is left. */
  readonly statesLimits: boolean;
  /** What it does for each request that the two ends cannot see: what one pays for. */
  readonly does: (setting: Setting) => string;
  readonly probe: () => Promise<Availability>;
  readonly start: (options: StartOptions) => Promise<RunningPeer>;
}

export type Availability = { readonly version: string } | { readonly missing: string };

export interface StartOptions {
  /** Distinguishes several of one kind that run at once. */
  readonly name: string;
  readonly folder: string;
  readonly originPort: number;
  readonly core: number | null;
  readonly setting: Setting;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunningPeer {
  readonly program: Program;
  readonly port: number;
  readonly config: string;
  /** Where it writes a line for each request; null: it writes none. */
  readonly logPath: string | null;
}
