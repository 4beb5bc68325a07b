/**
 * Times in shared 32-bit words: tenths of a second of the monotonic clock, which is as fine as the ticks that look at
 * them. They last for six years; 0 stands for never.
 */
const TENTH = 100;

/** The tenth that has begun. */
export const tenthsAt = (now: number): number => Math.max(1, Math.floor(now / TENTH));

/** The first tenth that begins at `time` or after it. */
export const tenthsFrom = (time: number): number => Math.max(1, Math.ceil(time / TENTH));

export const fromTenths = (tenths: number): number => tenths * TENTH;
