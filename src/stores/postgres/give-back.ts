import type { PoolClient } from "pg";

/**
 * After an error. `answered`: the server has said so itself. Whatever it has not said may leave a statement under way:
 * that connection is closed.
 */
export async function giveBack(client: PoolClient, answered: boolean): Promise<void> {
  try {
    if (answered && client.getTransactionStatus() !== "I") await client.query("ROLLBACK");
    client.release(!answered);
  } catch {
    client.release(true);
  }
}
