import type { ApiVersion } from "../../core/version.ts";
import type { Path } from "../problem.ts";
import type { Report } from "../report.ts";
import type { ResourceConfig } from "./schema.ts";

/** What the parts of a resource are made with. */
export interface Scope {
  /** Oldest first; empty for an API without versions. */
  readonly versions: readonly ApiVersion[];
  /** False where the config is wrong there: nothing is said of what names one. */
  readonly versionsKnown: boolean;
  /** The query parameter that names a version; empty for none. */
  readonly versionWord: string;
  /** Null where it is not known, because the config is wrong there. */
  readonly dialect: "sqlite" | "postgres" | null;
  /** Of all resources, also of those that cannot be read. */
  readonly names: ReadonlySet<string>;
  /** Whether all of them can be read. */
  readonly complete: boolean;
  readonly report: Report;
}

/** A resource in the making: what others may refer to before it is whole. */
export interface Draft {
  readonly name: string;
  readonly singular: string;
  readonly config: ResourceConfig;
  readonly at: Path;
  /** Fields that cannot be read, which has been said. */
  readonly unread: ReadonlySet<string>;
}
