import type { RetryOptions, UpstreamOptions } from "../core/kinds.ts";

/** How long things may take at worst, in milliseconds, and how often they may happen. */

/** Attempts of one call, those left out that only find a target unreachable. */
export const attemptsOf = ({ retry }: UpstreamOptions): number => retry?.attempts ?? 1;

/** One attempt, to the head of its answer: the wait for a connection where all are taken, the connection, the answer. */
export function longestAttempt({ timeout, retry }: UpstreamOptions): number {
  return Math.min(retry?.perTry ?? Number.POSITIVE_INFINITY, 2 * timeout.connect + timeout.firstByte);
}

/** The same where a connection is free, or can be made at once: what people reckon with. */
export function usualAttempt({ timeout, retry }: UpstreamOptions): number {
  return Math.min(retry?.perTry ?? Number.POSITIVE_INFINITY, timeout.connect + timeout.firstByte);
}

/** What is drawn from nothing up to these, one for each retry. */
export function pausesOf({ attempts, backoff, maxBackoff }: RetryOptions): number[] {
  return Array.from({ length: attempts - 1 }, (_, retry) => Math.min(maxBackoff, backoff * 2 ** retry));
}

/** What a service can ask for with `Retry-After`; 0 where none of its answers is tried again. */
export const longestAskedPause = ({ on, maxRetryAfter }: RetryOptions): number =>
  on.some((reason) => typeof reason === "number") ? maxRetryAfter : 0;

/** All attempts and pauses of a call, to the head of its answer, were there no deadline. */
export function longestCall(options: UpstreamOptions): number {
  const { retry, targets, timeout } = options;
  const asked = retry === null ? 0 : longestAskedPause(retry);
  const pauses = retry === null ? [] : pausesOf(retry);
  const paused = pauses.reduce((sum, pause) => sum + Math.max(pause, asked), 0);
  const unreachable = (targets.length - 1) * Math.min(2 * timeout.connect, longestAttempt(options));
  return attemptsOf(options) * longestAttempt(options) + paused + unreachable;
}
