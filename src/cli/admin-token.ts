import { createAdminToken } from "../identity/admin-token.ts";
import { withRecords } from "./records.ts";

/** `turnpike admin token`: a new token for the admin API; the one before is void from then on. */
export async function newAdminToken(options: { readonly config?: string }): Promise<void> {
  await withRecords(options.config, async ({ records, actor }) => {
    const token = await createAdminToken(records.adminToken, Date.now(), actor);
    process.stdout.write(
      `The admin API takes this token from now on, and no longer the one before. It is not kept anywhere and will not be shown again:\n${token}\n`,
    );
  });
}
