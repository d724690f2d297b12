import type { AccountId } from "@moraine/protocol";
import { type ScrubCursor, scrubRangeCount } from "../../../domain/stores/scrub-store.ts";
import type { BytesOwner } from "../../../domain/vaults/damage.ts";
import type { Changes, Queries } from "../sqlite/methods.ts";
import { encoded, insertion, manyRows, oneRow, rowsChanged } from "../sqlite/prepared.ts";
import { storedHead, storedKey } from "../sqlite/stored-values.ts";
import { notNull, segmentOf } from "./rows.ts";
import type { ScrubRow } from "./schema.ts";
import { referenced } from "./segments.ts";

export const scrubQueries = {
  async scrubState(db) {
    const row = await selectScrub(db, {});
    const ranges = await selectRanges(db, {});
    const newest = await selectNewest(db, {});
    return {
      rangesReadAt: ranges.map((range) => range.read_at),
      cursor: row === undefined ? null : cursorOf(row),
      newReadAt: row?.new_read_at ?? null,
      newestSequence: newest?.sequence ?? null,
    };
  },

  async scrubPage(db, { range, after, limit }) {
    const rows = await selectPage(db, { after: after ?? firstOf(range), end: endOf(range), limit });
    return rows.map((row) => ({ segment: segmentOf(row), after: hexOf(row.name) }));
  },

  async newSegments(db, page) {
    const rows = await selectNew(db, page);
    const segments = [];
    for (const { sequence, name } of rows) {
      const row = await selectByName(db, { name: hexOf(name) });
      segments.push({ sequence, segment: row === undefined ? null : segmentOf(row) });
    }
    return segments;
  },

  async findBytesOwner(db, ownerId) {
    const archive = await selectArchiveOwner(db, { ownerId });
    if (archive !== undefined) {
      return ownerOf("archive", ownerId, archive);
    }
    const job = await selectJobOwner(db, { ownerId });
    return job === undefined ? null : ownerOf("inventory", ownerId, { ...job, description: "" });
  },
} satisfies Partial<Queries>;

export const scrubChanges = {
  async beginScrub(db, { rangesReadAt, newReadAt }) {
    if ((await selectRanges(db, {})).length > 0) {
      return;
    }
    for (const [first_byte, read_at] of rangesReadAt.entries()) {
      await insertRange(db, { first_byte, read_at });
    }
    await insertScrub(db, {
      ...{ id: 1, cursor_range: null, cursor_began_at: null, cursor_after: null },
      new_read_at: newReadAt,
    });
  },

  async keepScrubCursor(db, cursor) {
    await setCursor(db, cursor);
  },

  async finishScrubRange(db, range) {
    await setRangeReadAt(db, range);
    await clearCursor(db, {});
  },

  async forgetNewSegments(db, sequences) {
    for (const sequence of sequences) {
      await deleteNew(db, { sequence });
    }
  },

  async queueSegment(db, key) {
    await insertNew(db, { key });
  },

  async noteNewRead(db, newReadAt) {
    await setNewReadAt(db, { newReadAt });
  },
} satisfies Partial<Changes>;

function cursorOf({
  cursor_range: range,
  cursor_began_at: beganAt,
  cursor_after: after,
}: ScrubRow): ScrubCursor | null {
  return range === null ? null : { range, beganAt: notNull(beganAt), after: after === null ? null : hexOf(after) };
}

function ownerOf(
  kind: BytesOwner["kind"],
  id: string,
  row: { account_id: string; region: string; name: string; description: string; size_bytes: number | null },
): BytesOwner {
  const vault = { accountId: row.account_id as AccountId, region: row.region, vaultName: row.name };
  return { kind, id, vault, description: row.description, sizeBytes: row.size_bytes ?? 0 };
}

/** Names as hexadecimal digits: they pass through the service unread. */
const hexOf = (name: Uint8Array): string => Buffer.from(name).toString("hex");
const storedName = encoded((hex: string): Uint8Array => Buffer.from(hex, "hex"));
const storedAfter = encoded((hex: string | null): Uint8Array | null => (hex === null ? null : Buffer.from(hex, "hex")));

/** Names have more than one byte, so that none of the range comes before this. */
const firstOf = (range: number): string => Buffer.of(range).toString("hex");
/** A packed name has 14 bytes, and no byte of another is 255, since those are UTF-8. */
const endOfAll = "ff".repeat(15);
const endOf = (range: number): string => (range === scrubRangeCount - 1 ? endOfAll : firstOf(range + 1));

const selectScrub = oneRow((db, _: object) => db.selectFrom("scrub").selectAll());

const selectRanges = manyRows((db, _: object) =>
  db.selectFrom("scrub_ranges").select("read_at").orderBy("first_byte").limit(scrubRangeCount),
);

const selectNewest = oneRow((db, _: object) =>
  db.selectFrom("scrub_queue").select("sequence").orderBy("sequence", "desc").limit(1),
);

const selectPage = manyRows((db, page: { after: string; end: string; limit: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("name", ">", storedName(page.after))
    .where("name", "<", storedName(page.end))
    .where("state", "in", referenced)
    .orderBy("name")
    .limit(page.limit),
);

const selectNew = manyRows((db, page: { afterSequence: number; lastSequence: number; limit: number }) =>
  db
    .selectFrom("scrub_queue")
    .selectAll()
    .where("sequence", ">", page.afterSequence)
    .where("sequence", "<=", page.lastSequence)
    .orderBy("sequence")
    .limit(page.limit),
);

const selectByName = oneRow((db, at: { name: string }) =>
  db.selectFrom("segments").selectAll().where("name", "=", storedName(at.name)).where("state", "in", referenced),
);

const selectArchiveOwner = oneRow((db, at: { ownerId: string }) =>
  db
    .selectFrom("archives")
    .innerJoin("vaults", "vaults.id", "archives.vault_id")
    .select(["account_id", "region", "name", "description", "size_bytes"])
    .where("id_head", "=", storedHead(at.ownerId))
    .where("deleted_at", "is", null),
);

const selectJobOwner = oneRow((db, at: { ownerId: string }) =>
  db
    .selectFrom("jobs")
    .innerJoin("vaults", "vaults.id", "jobs.vault_id")
    .select(["vaults.account_id", "vaults.region", "vaults.name", "jobs.output_size_bytes as size_bytes"])
    .where("jobs.id", "=", at.ownerId),
);

const insertScrub = insertion("scrub");
const insertRange = insertion("scrub_ranges");

const insertNew = rowsChanged((db, segment: { key: string }) =>
  db.insertInto("scrub_queue").values({ name: storedKey(segment.key) }),
);

const deleteNew = rowsChanged((db, at: { sequence: number }) =>
  db.deleteFrom("scrub_queue").where("sequence", "=", at.sequence),
);

const setCursor = rowsChanged((db, cursor: ScrubCursor) =>
  db.updateTable("scrub").set({
    cursor_range: cursor.range,
    cursor_began_at: cursor.beganAt,
    cursor_after: storedAfter(cursor.after),
  }),
);

const clearCursor = rowsChanged((db, _: object) =>
  db.updateTable("scrub").set({ cursor_range: null, cursor_began_at: null, cursor_after: null }),
);

const setRangeReadAt = rowsChanged((db, range: { range: number; beganAt: number }) =>
  db.updateTable("scrub_ranges").set({ read_at: range.beganAt }).where("first_byte", "=", range.range),
);

const setNewReadAt = rowsChanged((db, at: { newReadAt: number }) =>
  db.updateTable("scrub").set({ new_read_at: at.newReadAt }),
);
