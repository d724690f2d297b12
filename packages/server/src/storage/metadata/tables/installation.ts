import type { AccountId } from "@moraine/protocol";
import { invariant } from "../../../domain/invariant.ts";
import type { Changes } from "../sqlite/methods.ts";
import { oneRow, rowsChanged } from "../sqlite/prepared.ts";

export const installationChanges = {
  async claimInstallation(db, claim) {
    await claimFree(db, claim);
    const row = await select(db, {});
    invariant(row?.account_id != null && row.region !== null, "a claim leaves nothing open");
    return { accountId: row.account_id as AccountId, region: row.region, unshownKeyId: row.unshown_key_id };
  },

  async setUnshownKey(db, accessKeyId) {
    await updateUnshownKey(db, { accessKeyId });
  },
} satisfies Partial<Changes>;

const select = oneRow((db, _none: object) => db.selectFrom("installation").selectAll());

const claimFree = rowsChanged((db, { accountId, region }: { accountId: string; region: string }) =>
  db
    .insertInto("installation")
    .values({ id: 1, account_id: accountId, region, unshown_key_id: null })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((eb) => ({
        account_id: eb.fn.coalesce("installation.account_id", "excluded.account_id"),
        region: eb.fn.coalesce("installation.region", "excluded.region"),
      })),
    ),
);

const updateUnshownKey = rowsChanged((db, { accessKeyId }: { accessKeyId: string | null }) =>
  db.updateTable("installation").set({ unshown_key_id: accessKeyId }),
);
