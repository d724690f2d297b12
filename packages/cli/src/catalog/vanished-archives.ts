import { setImmediate as nextTurn } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { type ArchiveState, stateNumber } from "./archive-row.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import type { CatalogDatabase } from "./catalog-database.ts";
import { nextNumber } from "./next-position.ts";

const pageSize = 5000;

/**
 * Archives that were uploaded here have the time of this machine, which may be slow, and an inventory may be made before the service
 * counts them: they are judged by one that is newer by this.
 */
const uploadedMarginMilliseconds = millisecondsPer.day;

/** See ArchiveTable.markVanished. */
export async function markVanished(
  database: CatalogDatabase,
  writer: ArchiveWriter,
  { isListed, listedAt }: { readonly isListed: (number: number) => boolean; readonly listedAt: Date },
): Promise<number> {
  const judgedUntil = (state: ArchiveState, time: number) =>
    `(state = ${stateNumber(state)} AND created_at <= ${time})`;
  const time = listedAt.getTime();
  const isJudged = `(${judgedUntil("present", time)} OR ${judgedUntil("uploaded", time - uploadedMarginMilliseconds)})`;
  let count = 0;
  let after = 0;
  while (true) {
    const rows = database.all<{ number: number; isJudged: number }>(
      `SELECT number, ${isJudged} AS isJudged FROM archives WHERE number > ? ORDER BY number LIMIT ?`,
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
    after = nextNumber(after, last.number);
    await nextTurn();
  }
}
