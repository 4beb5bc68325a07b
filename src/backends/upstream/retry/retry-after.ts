/**
 * How long an answer asks to be left alone, in milliseconds: RFC 9110 §10.2.3, in seconds or as a date; 0 where it does
 * not ask, or nobody can tell what for. `wall` in milliseconds since the epoch.
 */
export function retryAfter(value: string | undefined, wall: number): number {
  if (value === undefined) return 0;
  if (/^[0-9]+$/.test(value)) return Number(value) * 1000;
  const date = HTTP_DATE.test(value) ? Date.parse(asIso(value)) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - wall);
}

/** RFC 9110 §5.6.7: what everybody sends. The obsolete forms are as good as none. */
const HTTP_DATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const asIso = (date: string): string => date.slice(5);
