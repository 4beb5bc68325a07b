/** `turnpike tokens revoke|list|restore`. */
import type { RevocationRecord } from "../core/records.ts";
import {
  newRevocation,
  type RevocationView,
  revocationRequest,
  revocationView,
} from "../identity/revocations/request.ts";
import { withRecords } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { table } from "./table.ts";

interface Common {
  readonly config?: string;
  readonly json?: true;
}

export interface RevokeOptions extends Common {
  readonly jti?: string;
  readonly subject?: string;
  readonly issuer?: string;
  readonly before?: string;
  readonly expires?: string;
}

export async function revokeTokens({ config, json: asJson, ...asked }: RevokeOptions): Promise<void> {
  const now = Date.now();
  const result = revocationRequest(now).safeParse(asked);
  if (!result.success) {
    const sentences = result.error.issues.map(({ path, message }) => `--${path.join(".")}: ${message}`);
    throw new Refusal(sentences.join("; "), 2);
  }
  await withRecords(config, async ({ records, actor }) => {
    const revocation = await records.revocations.add(newRevocation(result.data, now), actor);
    const { id, jti, subject, before } = revocationView(revocation);
    const what = jti === null ? `tokens of ${subject} issued before ${before}` : `token ${jti}`;
    if (asJson) print(JSON.stringify(revocationView(revocation), null, 2));
    else print(`${what}: revoked as ${id}; running gateways refuse them within a second`);
  });
}

const PAGE = 500;

export async function listRevocations({ config, json: asJson }: Common): Promise<void> {
  await withRecords(config, async ({ records }) => {
    const all: RevocationRecord[] = [];
    for (let before: string | undefined; ; before = all.at(-1)?.id) {
      const page = await records.revocations.list({ limit: PAGE, before });
      all.push(...page);
      if (page.length < PAGE) break;
    }
    const views = all.map(revocationView);
    if (asJson) print(JSON.stringify(views, null, 2));
    else if (views.length === 0) print("no tokens are revoked");
    else print(table(HEADINGS, views.map(row)));
  });
}

export async function restoreTokens(id: string, { config, json: asJson }: Common): Promise<void> {
  await withRecords(config, async ({ records, actor }) => {
    if (!(await records.revocations.lift(id, Date.now(), actor)))
      throw new Refusal(`there is no revocation "${id}"; \`turnpike tokens list\` shows them`, 1);
    print(
      asJson
        ? JSON.stringify({ id })
        : `revocation ${id} is taken back; running gateways go by it within a second`,
    );
  });
}

const HEADINGS = ["ID", "JTI", "SUBJECT", "ISSUED BEFORE", "ISSUER", "KEPT UNTIL"];

const row = ({ id, jti, subject, before, issuer, expires_at }: RevocationView): readonly string[] => [
  id,
  jti ?? "",
  subject ?? "",
  before ?? "",
  issuer ?? "any",
  expires_at.slice(0, 10),
];

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
