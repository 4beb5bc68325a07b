/** What a policy does for calls that are made again, or that nobody can answer: for the plan that people are shown. */
export interface Reliability {
  /** Its place in the plan: who is kept out, what a repetition gets, what is answered from memory. */
  readonly role: "limits" | "idempotency" | "cache";
  /** With the numbers in force; empty for what the options say themselves. */
  readonly lines: readonly string[];
  /** Where it makes repetitions of unsafe methods safe. */
  readonly keys?: KeyRules;
}

/** Durations in milliseconds. */
export interface KeyRules {
  readonly methods: readonly string[];
  /** A request without a key is refused. */
  readonly required: boolean;
  readonly keep: number;
  /** How long a repetition waits for the first request; 0 for not at all. */
  readonly waits: number;
  /** What nobody knows the outcome of is sent again. */
  readonly resends: boolean;
}
