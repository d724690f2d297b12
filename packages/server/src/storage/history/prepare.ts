import type { Instant } from "../../domain/time/instant.ts";
import { newShelfSeed } from "../blobs/blob-key.ts";
import type { DataFolder } from "../data-folder.ts";
import type { HistoryReport } from "../metadata/sqlite/generation.ts";
import type { SqliteStoreOptions } from "../metadata/sqlite/sqlite-store.ts";
import { examineHistory } from "./examine.ts";
import { historyNotices, quarantineNotices } from "./notices.ts";
import { quarantineTotals } from "./quarantine.ts";

/** A history that was found to be whole, and what its stores are opened with. */
export interface PreparedHistory {
  /** For the blob store. */
  readonly shelfSeed: string;
  readonly storeOptions: Pick<SqliteStoreOptions, "mayCreate" | "history" | "onHistory">;
  /** Messages for the operator, once the store is open. */
  notices(): Promise<readonly string[]>;
}

/** Throws `DataFolderError`, before anything in the folder is changed, when the database has lost what it acknowledged. */
export function prepareHistory(folder: DataFolder, openedAt: Instant): PreparedHistory {
  const { path: dataFolder, markerFile } = folder;
  const { mayCreate, isLogTorn } = examineHistory(folder);
  const shelfSeed = newShelfSeed();
  let found: HistoryReport = { restored: null, quarantined: 0 };
  return {
    shelfSeed,
    storeOptions: {
      mayCreate,
      history: { dataFolder, markerFile, openedAt, shelfSeed, isLogTorn },
      onHistory: (report) => {
        found = report;
      },
    },
    notices: async () => [
      ...historyNotices(found),
      ...quarantineNotices(dataFolder, await quarantineTotals(dataFolder)),
    ],
  };
}
