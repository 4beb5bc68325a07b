import type { RevocationRecord } from "../../core/records.ts";
import type { Revocations, TokenIdentity } from "../../core/revocations.ts";

/** What threads are told. What was lifted, or forgotten, is in it once more to be taken out. */
export type RevocationNews = readonly RevocationRecord[];

/** By issuer, empty for any, then by what is revoked there. */
type ByIssuer<Value> = Map<string, Map<string, Value>>;

/** The revocations, as a thread that carries traffic sees them. Empty until it has received them. */
export class RevocationList implements Revocations {
  readonly #tokens: ByIssuer<true> = new Map();
  /** With the time before which tokens were revoked. */
  readonly #subjects: ByIssuer<number> = new Map();

  receive(news: RevocationNews): void {
    for (const { issuer, tokenId, subject, before, liftedAt } of news) {
      if (tokenId !== "") put(this.#tokens, issuer, tokenId, liftedAt === null ? true : undefined);
      else put(this.#subjects, issuer, subject, liftedAt === null ? before : undefined);
    }
  }

  has({ issuer, subject, id, issuedAt }: TokenIdentity): boolean {
    if (this.#tokens.size > 0 && (isIn(this.#tokens, issuer, id) || isIn(this.#tokens, "", id))) return true;
    if (this.#subjects.size === 0) return false;
    const before = Math.max(
      this.#subjects.get(issuer)?.get(subject) ?? 0,
      this.#subjects.get("")?.get(subject) ?? 0,
    );
    // A token that does not say when it was issued cannot show that it is newer.
    return before > 0 && (issuedAt === undefined || issuedAt * 1000 < before);
  }
}

const isIn = (tokens: ByIssuer<true>, issuer: string, id: string): boolean =>
  id !== "" && tokens.get(issuer)?.has(id) === true;

function put<Value>(to: ByIssuer<Value>, issuer: string, name: string, value: Value | undefined): void {
  const entries = to.get(issuer) ?? new Map<string, Value>();
  if (value === undefined) entries.delete(name);
  else entries.set(name, value);
  if (entries.size === 0) to.delete(issuer);
  else to.set(issuer, entries);
}
