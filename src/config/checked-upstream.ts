import type { UpstreamOptions } from "../core/kinds.ts";
import { upstreamOptions } from "./backend-options.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { UpstreamConfig } from "./schema.ts";

/** One upstream, where it stands in the config. */
export interface Checked {
  readonly options: UpstreamOptions;
  readonly at: Path;
  /** Whether the config says so itself; what is a default is nobody's mistake. */
  readonly written: (...key: readonly string[]) => boolean;
  readonly report: Report;
}

/** Without its certificates, which are read where they are checked. */
export const checkedOptions = (name: string, config: UpstreamConfig): UpstreamOptions =>
  upstreamOptions(name, { ...config, tls: { ...config.tls, ca: undefined } }, "");
