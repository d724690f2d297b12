import { writeSync } from "node:fs";
import type { AccountId } from "@moraine/protocol";
import { StorageFullError } from "../../../packages/server/src/domain/stores/blob-store.ts";
import { openSqliteStore } from "../../../packages/server/src/storage/metadata/sqlite/sqlite-store.ts";
import { rowSecret } from "../../../packages/server/test/support/row-secret.ts";

// Changes the metadata of an account and a region in a database, on a disk that fails, and prints each outcome as it becomes known:
// `kept NAME`, `full NAME`, `failed NAME`, then `closed`. Ends with code 3 when the store failed, as the server does.

const [accountId = "", region = "", path = "", vaults = "0"] = process.argv.slice(2);
const print = (line: string) => writeSync(1, `${line}\n`);
/** Short enough that a few changes bring several checkpoints. */
const logLimits = { framesMax: 8, overdueFrames: 16, fullFramesMax: 48 };

const store = await openSqliteStore({
  rowSecret,
  path,
  mayCreate: true,
  logLimits,
  onFailure: (error) => {
    print(`halted ${error.message}`);
    process.exit(3);
  },
});
for (let vault = 0; vault < Number(vaults); vault += 1) {
  await Promise.all([create(`${process.pid}-${vault}-a`), create(`${process.pid}-${vault}-b`)]);
}
await store.close();
print("closed");

async function create(name: string): Promise<void> {
  const key = { accountId: accountId as AccountId, region, vaultName: name };
  try {
    await store.createVault({ id: name, key, now: 0 });
    // Grows the database by more than a page.
    await store.addTags({ vaultId: name, vault: key, accessVersion: 0, tags: { text: "x".repeat(5000) } });
    print(`kept ${name}`);
  } catch (error) {
    print(`${error instanceof StorageFullError ? "full" : "failed"} ${name}`);
  }
}
