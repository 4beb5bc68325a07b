import type { Records } from "../../src/core/records.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** An empty store. */
  newStore(): Promise<{
    /** A connection to it, as another process would have; whoever made the store closes it. */
    open(): Promise<Records>;
  }>;
}
