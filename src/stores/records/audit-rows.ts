import type { Actor, AuditEntry } from "../../core/records.ts";

export interface Change {
  readonly at: number;
  readonly actor: Actor;
  readonly action: string;
  readonly subject: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export type AuditRow = [
  number: number,
  at: number,
  actor: string,
  action: string,
  subject: string,
  before: string,
  after: string,
];

export function auditEntry([number, at, actor, action, subject, before, after]: AuditRow): AuditEntry {
  return {
    id: String(number),
    at,
    actor,
    action,
    subject,
    before: JSON.parse(before),
    after: JSON.parse(after),
  };
}
