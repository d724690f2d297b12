import { DatabaseSync } from "node:sqlite";
import type { MetadataStore } from "../../../packages/server/src/domain/stores/metadata-store.ts";
import { methodThreads } from "../../../packages/server/src/storage/metadata/method-threads.ts";
import { unpackId } from "../../../packages/server/src/storage/metadata/tables/packed.ts";
import { keyOf } from "../../../packages/server/src/storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../packages/server/src/storage/metadata/tables/schema.ts";
import { openInlineStore } from "../../../packages/server/test/support/inline-store.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Moment, Rows } from "./timeline.ts";

/**
 * The real tables, whose commits take turns with the calls to the disk: a transaction is written in one turn and durable in a later
 * one, which the caller waits for.
 *
 * @param path of a new file
 */
export async function simulatedDatabase(path: string, scheduler: Scheduler, report: (moment: Moment) => void) {
  const store = await openInlineStore(path);
  const database = new DatabaseSync(path, { readOnly: true });
  const segments = database.prepare("SELECT * FROM segments");
  const rowsNow = (): Rows =>
    new Map(
      (segments.all() as unknown as SegmentRow[]).map((row) => [
        keyOf(row),
        { ownerId: unpackId({ head: row.owner_head, tail: row.owner_tail }), state: row.state },
      ]),
    );

  const scheduled = (method: keyof typeof methodThreads) => async (input: never) => {
    await scheduler.turn("database");
    const value = await (store[method] as (input: never) => Promise<unknown>)(input);
    report({ kind: "written", rows: rowsNow() });
    await scheduler.turn("database");
    report({ kind: "durable" });
    return value;
  };
  const changes = Object.entries(methodThreads).filter(([, thread]) => thread === "writer");
  const metadata = {
    ...store,
    ...Object.fromEntries(changes.map(([method]) => [method, scheduled(method as keyof typeof methodThreads)])),
    async close() {
      database.close();
      await store.close();
    },
  };
  return metadata as MetadataStore;
}
