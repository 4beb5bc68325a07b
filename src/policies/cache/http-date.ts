/**
 * Epoch milliseconds of an HTTP-date (RFC 9110 §5.6.7) in any of its three forms, or null for what is none:
 * `Date.parse` takes far more, and what is not a date must not keep an answer fresh.
 */
export function httpDate(text: string): number | null {
  const parts = IMF.exec(text) ?? RFC_850.exec(text) ?? ASCTIME.exec(text);
  if (parts?.groups === undefined) return null;
  const { day = "", month = "", year = "", time = "" } = parts.groups;
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  const at = Date.UTC(fullYear(year), MONTHS.indexOf(month), Number(day), hours, minutes, seconds);
  const read = new Date(at);
  // The 31st of February would become a day in March. A leap second is the first of the next minute.
  if (read.getUTCDate() !== Number(day) && seconds !== 60) return null;
  return hours > 23 || minutes > 59 || seconds > 60 ? null : at;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<time>\\d\\d:\\d\\d:\\d\\d)";
const IMF = new RegExp(
  `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`,
);
const RFC_850 = new RegExp(`^[MTWFS][a-z]{5,8}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^[MTWFS][a-z]{2} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`);

/** RFC 850's two digits have not been sent for decades: they are those of the years around 2000. */
const fullYear = (year: string): number =>
  year.length === 4 ? Number(year) : Number(year) + (Number(year) < 70 ? 2000 : 1900);
