import { setImmediate as nextTurn } from "node:timers/promises";
import { type ArchiveState, stateNumber } from "./archive-row.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import type { CatalogDatabase } from "./catalog-database.ts";

const pageSize = 5000;

/** See ArchiveTable.markVanished. */
export async function markVanished(
  database: CatalogDatabase,
  writer: ArchiveWriter,
  { isListed, listedAt }: { readonly isListed: (number: number) => boolean; readonly listedAt: Date },
): Promise<number> {
  const judged = (["present", "uploaded"] satisfies ArchiveState[]).map(stateNumber).join(", ");
  let count = 0;
  let after = 0;
  while (true) {
    const rows = database.all<{ number: number; isJudged: number }>(
      `SELECT number, state IN (${judged}) AND created_at <= ? AS isJudged FROM archives WHERE number > ? ORDER BY number LIMIT ?`,
      listedAt.getTime(),
      after,
      pageSize,
    );
    const vanished = rows.filter(({ number, isJudged }) => isJudged === 1 && !isListed(number));
    if (vanished.length > 0) {
      database.transaction(() => {
        for (const { number } of vanished) {
          writer.setState(number, "vanished", listedAt);
        }
      });
    }
    count += vanished.length;
    const last = rows.at(-1);
    if (last === undefined) {
      return count;
    }
    after = last.number;
    await nextTurn();
  }
}
