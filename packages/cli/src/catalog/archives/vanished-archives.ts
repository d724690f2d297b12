import { setImmediate as nextTurn } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import type { CatalogDatabase } from "../catalog-database.ts";
import { nextNumber } from "../next-position.ts";
import { type ArchiveState, stateNumber } from "./archive-row.ts";
import type { ArchiveWriter } from "./archive-writer.ts";

const pageSize = 5000;

/**
 * Archives that were uploaded here have the time of this machine: they are judged by an inventory that is newer by this. Services refuse requests
 * of a clock that differs by more than 15 minutes. AWS may make an inventory before it counts an archive, and does not say how long before.
 */
const uploadedMarginMilliseconds = { aws: millisecondsPer.day, others: 15 * millisecondsPer.minute } as const;

/** An inventory, as far as it decides which archives have vanished. */
export interface Judged {
  /** Whether it lists the archive of a number. */
  readonly isListed: (number: number) => boolean;
  readonly listedAt: Date;
  /** Whether the inventory is AWS's. */
  readonly isAws: boolean;
}

/** See ArchiveTable.markVanished. */
export async function markVanished(
  database: CatalogDatabase,
  writer: ArchiveWriter,
  { isListed, listedAt, isAws }: Judged,
): Promise<number> {
  const judgedUntil = (state: ArchiveState, time: number) =>
    `(state = ${stateNumber(state)} AND created_at <= ${time})`;
  const time = listedAt.getTime();
  const isJudged = `(${judgedUntil("present", time)} OR ${judgedUntil("uploaded", time - uploadedMarginMilliseconds[isAws ? "aws" : "others"])})`;
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
