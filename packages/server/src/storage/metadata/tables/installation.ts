import type { AccountId } from "@moraine/protocol";
import type { Changes } from "../methods.ts";
import { changing, sealedInsertion, sealedRow } from "./row-macs/sealed-rows.ts";

export const installationChanges = {
  async claimInstallation(db, { accountId, region }) {
    const row = await select(db, {});
    if (row === undefined) {
      await insert(db, { id: 1, account_id: accountId, region, unshown_key_id: null });
      return { accountId, region, unshownKeyId: null };
    }
    const claimed = { account_id: row.account_id ?? accountId, region: row.region ?? region };
    if (row.account_id === null || row.region === null) {
      await claim(db, row, claimed);
    }
    return {
      accountId: claimed.account_id as AccountId,
      region: claimed.region,
      unshownKeyId: row.unshown_key_id,
    };
  },

  async setUnshownKey(db, accessKeyId) {
    const row = await select(db, {});
    if (row !== undefined) {
      await setUnshown(db, row, { unshown_key_id: accessKeyId });
    }
  },
} satisfies Partial<Changes>;

const select = sealedRow("installation", (db, _none: object) => db.selectFrom("installation").selectAll());
const insert = sealedInsertion("installation");
const claim = changing("installation", "account_id", "region");
const setUnshown = changing("installation", "unshown_key_id");
