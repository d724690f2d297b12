import { manifestPlace } from "../../../domain/segment.ts";
import { type ScrubCursor, scrubRangeCount } from "../../../domain/stores/scrub-store.ts";
import type { BytesOwner } from "../../../domain/vaults/damage.ts";
import type { Changes, Queries } from "../methods.ts";
import { encoded, insertion, manyRows, oneRow, rowsChanged } from "../prepared.ts";
import { findArchive } from "./archives.ts";
import { dropDamageAt } from "./damage-rows.ts";
import type { SealedValues } from "./row-macs/row-hasher.ts";
import { isUsable, sealedRow, soundRows } from "./row-macs/sealed-rows.ts";
import { notNull, segmentOf } from "./rows.ts";
import type { Database, ScrubRangeRow, ScrubRow } from "./schema.ts";
import { abandonPending, findAt, makeLive, referenced, retireManifest } from "./segments.ts";
import { storedKey } from "./stored-values.ts";
import { findById } from "./vaults/vault-contents.ts";

export const scrubQueries = {
  async scrubState(db) {
    const { row, ranges } = await selectProgress(db);
    const newest = await selectNewest(db, {});
    return {
      rangesReadAt: ranges.map((range) => range.read_at),
      cursor: row === undefined ? null : cursorOf(row),
      newReadAt: row?.new_read_at ?? null,
      newestSequence: newest?.sequence ?? null,
    };
  },

  async scrubPage(db, { range, after, limit }) {
    for (let from = after ?? firstOf(range), end = endOf(range); ; ) {
      const rows = await selectPage(db, { after: from, end, limit });
      const sound = rows.filter((row) => isUsable(db, "segments", row as unknown as SealedValues));
      const last = rows.at(-1);
      const next = last === undefined ? null : hexOf(last.name);
      // An empty page ends the range, so that one of damaged rows alone is passed over. A damaged index may lead backwards.
      if (sound.length > 0 || next === null || next <= from) {
        return sound.map((row) => ({ segment: segmentOf(row), after: hexOf(row.name) }));
      }
      from = next;
    }
  },

  async newSegments(db, page) {
    const rows = await selectNew(db, page);
    const segments = [];
    for (const { sequence, name } of rows) {
      // These rows have no MAC: any value may be in the place of a name.
      const [row] = name instanceof Uint8Array ? await selectByName(db, { name: hexOf(name) }) : [];
      segments.push({ sequence, segment: row === undefined ? null : segmentOf(row) });
    }
    return segments;
  },

  async findBytesOwner(db, ownerId) {
    const archive = await findArchive(db, ownerId);
    if (archive?.deletedAt === null) {
      return ownerOf(db, "archive", archive);
    }
    const job = await selectJob(db, { id: ownerId });
    return job === undefined
      ? null
      : ownerOf(db, "inventory", {
          id: ownerId,
          vaultId: job.vault_id,
          description: "",
          sizeBytes: job.output_size_bytes ?? 0,
        });
  },

  async findListedArchive(db, archiveId) {
    const archive = await findArchive(db, archiveId);
    const vault = archive?.deletedAt === null ? await findById(db, archive.vaultId) : null;
    if (archive === null || vault === null) {
      return null;
    }
    const { accountId, region, vaultName } = vault;
    const manifest = await findAt(db, { ownerId: archiveId, firstByte: manifestPlace });
    return { archive, vault: { accountId, region, vaultName }, hasManifest: manifest !== null };
  },
} satisfies Partial<Queries>;

export const scrubChanges = {
  async beginScrub(db, times) {
    if ((await selectProgress(db)).ranges.length === 0) {
      await begin(db, times);
    }
  },

  async restartScrub(db, { rangesReadAt, newReadAt }) {
    await begin(db, { rangesReadAt: Array<number>(scrubRangeCount).fill(rangesReadAt), newReadAt });
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

  async replaceManifest(db, { manifest }) {
    const { ownerId, firstByte } = manifest;
    if ((await findArchive(db, ownerId))?.deletedAt !== null) {
      await abandonPending(db, manifest);
      return false;
    }
    const earlier = await findAt(db, { ownerId, firstByte });
    if (earlier !== null) {
      await retireManifest(db, earlier);
      await dropDamageAt(db, { ownerId, segmentKey: earlier.key });
    }
    await makeLive(db, manifest);
    return true;
  },
} satisfies Partial<Changes>;

/** These rows have no MAC. Any that are not as they were written count as none, so that no part of the store is passed over forever. */
async function selectProgress(
  db: Database,
): Promise<{ readonly row: ScrubRow | undefined; readonly ranges: readonly ScrubRangeRow[] }> {
  const row = await selectScrub(db, {});
  const ranges = await selectRanges(db, {});
  const areSound =
    ranges.length === scrubRangeCount &&
    ranges.every(({ first_byte, read_at }, range) => first_byte === range && Number.isSafeInteger(read_at));
  return row !== undefined && areSound ? { row, ranges } : { row: undefined, ranges: [] };
}

async function begin(
  db: Database,
  { rangesReadAt, newReadAt }: { readonly rangesReadAt: readonly number[]; readonly newReadAt: number },
): Promise<void> {
  await deleteRanges(db, {});
  await deleteScrub(db, {});
  for (const [first_byte, read_at] of rangesReadAt.entries()) {
    await insertRange(db, { first_byte, read_at });
  }
  await insertScrub(db, {
    ...{ id: 1, cursor_range: null, cursor_began_at: null, cursor_after: null },
    new_read_at: newReadAt,
  });
}

function cursorOf({
  cursor_range: range,
  cursor_began_at: beganAt,
  cursor_after: after,
}: ScrubRow): ScrubCursor | null {
  const isSound = Number.isSafeInteger(range) && range !== null && range >= 0 && range < scrubRangeCount;
  return isSound && Number.isSafeInteger(beganAt)
    ? { range, beganAt: notNull(beganAt), after: after instanceof Uint8Array ? hexOf(after) : null }
    : null;
}

/** Null when the vault is gone. */
async function ownerOf(
  db: Database,
  kind: BytesOwner["kind"],
  { id, vaultId, description, sizeBytes }: { id: string; vaultId: string; description: string; sizeBytes: number },
): Promise<BytesOwner | null> {
  const vault = await findById(db, vaultId);
  return (
    vault && {
      ...{ kind, id, description, sizeBytes },
      vault: { accountId: vault.accountId, region: vault.region, vaultName: vault.vaultName },
    }
  );
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
  db
    .selectFrom("scrub_ranges")
    .selectAll()
    .orderBy("first_byte")
    .limit(scrubRangeCount + 1),
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

const selectByName = soundRows("segments", (db, at: { name: string }) =>
  db.selectFrom("segments").selectAll().where("name", "=", storedName(at.name)).where("state", "in", referenced),
);

const selectJob = sealedRow("jobs", (db, at: { id: string }) =>
  db.selectFrom("jobs").selectAll().where("id", "=", at.id),
);

const deleteScrub = rowsChanged((db, _: object) => db.deleteFrom("scrub"));
const deleteRanges = rowsChanged((db, _: object) => db.deleteFrom("scrub_ranges"));
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
