import { invariant } from "../../../domain/invariant.ts";
import { manifestPlace, type Segment } from "../../../domain/segment.ts";
import { nextPlace } from "../../../domain/stores/next-place.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes, Queries } from "../methods.ts";
import { literal, manyRows, rowsChanged } from "../prepared.ts";
import { areEqual, packHash, packKey } from "./packed.ts";
import { macOf, type SealedValues } from "./row-macs/row-hasher.ts";
import { sealOf } from "./row-macs/row-seal.ts";
import { changing, isUsable, sealedInsertion, sealedRow, sealedRows, soundRows } from "./row-macs/sealed-rows.ts";
import { keyOf, notNull, segmentName, segmentOf } from "./rows.ts";
import type { Database, SegmentRow } from "./schema.ts";
import { storedHead, storedKey } from "./stored-values.ts";

export const segmentQueries = {
  async segmentsOf(db, { archiveId, range, limit }) {
    const rows = await selectWithin(db, { archiveId, ...range, limit });
    return rows.map(segmentOf);
  },

  async findSegment(db, key) {
    const row = await selectSegment(db, { key });
    return row !== undefined && isReferenced(row) ? segmentOf(row) : null;
  },

  async deletedSegments(db, { after, limit }) {
    const rows = await selectDeleted(db, { ...(after ?? { deletedAt: Number.MIN_SAFE_INTEGER, key: "" }), limit });
    const last = rows.at(-1);
    if (after !== null && last !== undefined) {
      nextPlace([after.deletedAt, packKey(after.key)], [last.deleted_at, last.name]);
    }
    return rows.map((row) => ({
      key: keyOf(row),
      deletedAt: notNull(row.deleted_at),
      sizeBytes: notNull(row.size_bytes),
    }));
  },

  async deadSegments(db, { afterKey, limit }) {
    const keys: string[] = [];
    for (let after = afterKey ?? "", isLast = false; keys.length < limit && !isLast; ) {
      const page = { afterKey: after, limit: limit - keys.length };
      const rows = await selectDead(db, page);
      keys.push(...usableOf(db, rows).map(keyOf));
      const last = rows.at(-1);
      isLast = rows.length < page.limit || last === undefined;
      after = last === undefined ? after : nextKey(after, last);
    }
    return keys;
  },
} satisfies Partial<Queries>;

export const segmentChanges = {
  async recordIntent(db, intent) {
    await insertSegment(db, { ...pendingRow(intent), lease_until: intent.leaseUntil });
  },

  async renewIntents(db, { keys, leaseUntil }) {
    for (const key of keys) {
      await renew(db, { key, leaseUntil });
    }
  },

  abandonSegment: abandonPending,

  async markDead(db, at) {
    const [lapsed, unread] = [await selectLapsed(db, at), await selectUnread(db, at)];
    for (const row of [...lapsed, ...unread]) {
      await setDead(db, row, { state: "dead", lease_until: null });
    }
    return Math.max(lapsed.length, unread.length);
  },

  async forgetSegments(db, keys) {
    for (const key of keys) {
      await forget(db, { key });
    }
  },
} satisfies Partial<Changes>;

/** `pending → dead`; `dead` also when there is no row: a sweeper that was first may have looked before the file was there. */
export async function abandonPending(db: Database, segment: { key: string; ownerId: string }): Promise<void> {
  const row = pendingRow(segment);
  if ((await settlePending(db, row, { state: "dead" })) === 1) {
    return;
  }
  const found = await selectSegment(db, segment);
  if (found === undefined) {
    await insertSegment(db, { ...row, state: "dead" });
  } else {
    invariant(found.state === "dead", "what is abandoned was never made live");
  }
}

/** `pending → live`, with what has been written. */
export async function makeLive(db: Database, segment: Segment): Promise<void> {
  const { firstByte, sizeBytes, treeHash } = segment;
  const changed = await settlePending(db, pendingRow(segment), {
    state: "live",
    first_byte: firstByte,
    size_bytes: sizeBytes,
    tree_hash: packHash(treeHash),
  });
  if (changed === 0) {
    // Throws when the row is damaged.
    await selectSegment(db, segment);
  }
  // Not so when it was made live before, or its lease ran out and the sweeper was first.
  invariant(changed === 1, "a segment becomes live once, and only from pending");
}

/**
 * `live | suspect → deleted` for the first `limit` segments of an owner from `fromByte` on. They keep their places: an
 * earlier job may still read them. Those whose rows are damaged stay as they are. Returns how many there were, and where the next
 * one may begin.
 */
export async function letGoFrom(
  db: Database,
  { ownerId, fromByte, now, limit }: { ownerId: string; fromByte: number; now: Instant; limit: number },
): Promise<{ count: number; nextByte: number }> {
  const page = await selectOwned(db, { ownerId, fromByte, limit });
  const rows = usableOf(db, page);
  for (const row of rows) {
    await letGo(db, row, { state: "deleted", deleted_at: now });
  }
  const lastByte = rows.at(-1)?.first_byte;
  // Rows that are all damaged do not tell where the next one begins.
  return lastByte == null ? { count: 0, nextByte: fromByte } : { count: page.length, nextByte: lastByte + 1 };
}

/** `live | suspect → deleted` for the one at a place, if there is one. It loses the place: what comes next takes it. */
export async function releaseReplaced(
  db: Database,
  { now, ...place }: { ownerId: string; firstByte: number; now: Instant },
): Promise<void> {
  const row = await selectAt(db, place);
  if (row !== undefined && isReferenced(row)) {
    await replace(db, row, { state: "deleted", deleted_at: now, first_byte: null });
  }
}

/** The segment that has a place; null when none is referenced there. */
export async function findAt(db: Database, place: { ownerId: string; firstByte: number }): Promise<Segment | null> {
  const row = await selectAt(db, place);
  return row !== undefined && isReferenced(row) ? segmentOf(row) : null;
}

/** `live | suspect → dead` for a manifest that another one replaces: it loses its place. Bytes of archives end in no such way. */
export async function retireManifest(db: Database, { key }: Segment): Promise<void> {
  const row = await selectSegment(db, { key });
  if (row !== undefined) {
    invariant(row.first_byte === manifestPlace, "only manifests are replaced");
    await setRetired(db, row, { state: "dead", first_byte: null });
  }
}

/** `live → suspect`: reads of it failed. Resolves to its state then; undefined when there is no such segment. */
export async function markSuspect(db: Database, at: { key: string }): Promise<SegmentRow["state"] | undefined> {
  const row = await selectSegment(db, at);
  return row?.state === "live" ? (await setState(db, row, { state: "suspect" })).state : row?.state;
}

/** `suspect → live`: what was damaged reads right again. */
export async function clearSuspect(db: Database, at: { key: string }): Promise<void> {
  const row = await selectSegment(db, at);
  if (row?.state === "suspect") {
    await setState(db, row, { state: "live" });
  }
}

/** `live | deleted → dead` for all, of a service that is emptied. */
export async function markAllDead(db: Database): Promise<void> {
  for (let afterKey: string | null = ""; afterKey !== null; ) {
    const page: SegmentRow[] = await selectKept(db, { afterKey, limit: keptAtOnce });
    for (const row of usableOf(db, page)) {
      await setState(db, row, { state: "dead" });
    }
    const last = page.at(-1);
    afterKey = last === undefined ? null : nextKey(afterKey, last);
  }
}

const keptAtOnce = 500;

/** The key of a page's last row. Rows are in the order of their names, which is not that of keys as text. */
export function nextKey(after: string, last: Pick<SegmentRow, "name" | "owner_head" | "owner_tail">): string {
  nextPlace(packKey(after), last.name);
  return keyOf(last);
}

/** Those that are not damaged; the others are reported. */
const usableOf = (db: Database, rows: readonly SegmentRow[]): SegmentRow[] =>
  rows.filter((row) => isUsable(db, "segments", row as unknown as SealedValues));

/** Nobody holds a pending segment any more. */
export const releasePending = rowsChanged((db, _: object) =>
  db.updateTable("segments").set({ lease_until: null }).where("state", "=", pending),
);

const pending = literal("pending");
const deleted = literal("deleted");
const dead = literal("dead");
/** The states of a segment that an archive, an open upload or a job's output refers to. */
export const referenced = [literal("live"), literal("suspect")];
const isReferenced = ({ state }: SegmentRow): boolean => state === "live" || state === "suspect";

const pendingRow = (segment: { key: string; ownerId: string }): SegmentRow => ({
  ...segmentName(segment),
  state: "pending",
  first_byte: null,
  size_bytes: null,
  tree_hash: null,
  lease_until: null,
  deleted_at: null,
});

const insertSegment = sealedInsertion("segments");
const setDead = changing("segments", "state", "lease_until");
const letGo = changing("segments", "state", "deleted_at");
const replace = changing("segments", "state", "deleted_at", "first_byte");
const setState = changing("segments", "state");
const setRetired = changing("segments", "state", "first_byte");

/**
 * Gives a pending segment its next row, in one statement: a pending row has nothing but its names, so that its MAC is known without
 * reading it. Resolves to 0 when there is none, or it is damaged.
 */
async function settlePending(db: Database, row: SegmentRow, change: Partial<SegmentRow>): Promise<number> {
  const { hasher } = sealOf(db);
  const macOfRow = (of: SegmentRow) => macOf(hasher.digest("segments", of as unknown as SealedValues));
  const next = { ...row, ...change };
  return updatePending(db, { ...next, mac: macOfRow(next), pendingMac: macOfRow(row) });
}

const updatePending = rowsChanged(
  (db, next: SegmentRow & { mac: Uint8Array | undefined; pendingMac: Uint8Array | undefined }) =>
    db
      .updateTable("segments")
      .set({
        // The MAC is of this row: what is not set here is a condition below.
        state: next.state,
        first_byte: next.first_byte,
        size_bytes: next.size_bytes,
        tree_hash: next.tree_hash,
        lease_until: null,
        mac: next.mac,
      })
      .where("name", "=", next.name)
      .where("state", "=", pending)
      .where("owner_head", "=", next.owner_head)
      .where("owner_tail", "=", next.owner_tail)
      .where("deleted_at", "is", null)
      .where("mac", "=", next.pendingMac as Uint8Array),
);

const renew = rowsChanged((db, lease: { key: string; leaseUntil: Instant }) =>
  db
    .updateTable("segments")
    .set({ lease_until: lease.leaseUntil })
    .where("name", "=", storedKey(lease.key))
    .where("state", "=", pending),
);

const forget = rowsChanged((db, at: { key: string }) =>
  db.deleteFrom("segments").where("name", "=", storedKey(at.key)).where("state", "=", dead),
);

const selectSegment = sealedRow(
  "segments",
  (db, at: { key: string }) => db.selectFrom("segments").selectAll().where("name", "=", storedKey(at.key)),
  (row, at) => areEqual(row.name, packKey(at.key)),
);

const selectAt = sealedRow("segments", (db, place: { ownerId: string; firstByte: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("owner_head", "=", storedHead(place.ownerId))
    .where("first_byte", "=", place.firstByte),
);

const selectKept = manyRows((db, page: { afterKey: string; limit: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("state", "in", [literal("live"), deleted])
    .where("name", ">", storedKey(page.afterKey))
    .orderBy("name")
    .limit(page.limit),
);

/** Segments do not overlap, so the first to hold bytes of the range is the last that begins at or before it. */
const selectWithin = sealedRows(
  "segments",
  (db, at: { archiveId: string; firstByte: number; lastByte: number; limit: number }) =>
    db
      .selectFrom("segments")
      .selectAll()
      .where("owner_head", "=", storedHead(at.archiveId))
      .where("first_byte", ">=", (eb) =>
        eb
          .selectFrom("segments as earlier")
          .select((sub) => sub.fn.coalesce(sub.fn.max("earlier.first_byte"), sub.lit(0)).as("first_byte"))
          .where("earlier.owner_head", "=", storedHead(at.archiveId))
          .where("earlier.first_byte", "<=", at.firstByte),
      )
      .where("first_byte", "<=", at.lastByte)
      .where((eb) => eb(eb("first_byte", "+", eb.ref("size_bytes")), ">", at.firstByte))
      .where("state", "in", [...referenced, deleted])
      .orderBy("first_byte")
      .limit(at.limit),
);

const selectOwned = manyRows((db, at: { ownerId: string; fromByte: number; limit: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("owner_head", "=", storedHead(at.ownerId))
    .where("first_byte", ">=", at.fromByte)
    .where("state", "in", referenced)
    .orderBy("first_byte")
    .limit(at.limit),
);

const selectLapsed = soundRows("segments", (db, at: { now: Instant; limit: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("state", "=", pending)
    .where((or) => or.or([or("lease_until", "is", null), or("lease_until", "<", at.now)]))
    .limit(at.limit),
);

/** A replaced part has no place and so no readers; of an archive's own segments, jobs still read. */
const selectUnread = soundRows(
  "segments",
  (db, at: { deletedBefore: Instant; completedSince: Instant; limit: number }) =>
    db
      .selectFrom("segments as waiting")
      .selectAll("waiting")
      .where("waiting.state", "=", deleted)
      .where("waiting.deleted_at", "<", at.deletedBefore)
      .where((outer) =>
        outer.or([
          outer("waiting.first_byte", "is", null),
          outer.not(
            outer.exists(
              outer
                .selectFrom("jobs")
                .select("jobs.id")
                .whereRef("jobs.archive_head", "=", "waiting.owner_head")
                .where((job) =>
                  job.or([
                    job("jobs.state", "=", literal("in_progress")),
                    job("jobs.completed_at", ">", at.completedSince),
                  ]),
                ),
            ),
          ),
        ]),
      )
      .orderBy("waiting.deleted_at")
      .limit(at.limit),
);

const selectDeleted = manyRows((db, after: { deletedAt: number; key: string; limit: number }) =>
  db
    .selectFrom("segments")
    .select(["name", "owner_head", "owner_tail", "deleted_at", "size_bytes"])
    .where("state", "=", deleted)
    .where("deleted_at", ">=", after.deletedAt)
    .where((eb) => eb.or([eb("deleted_at", ">", after.deletedAt), eb("name", ">", storedKey(after.key))]))
    .orderBy("deleted_at")
    .orderBy("name")
    .limit(after.limit),
);

const selectDead = manyRows((db, page: { afterKey: string; limit: number }) =>
  db
    .selectFrom("segments")
    .selectAll()
    .where("state", "=", dead)
    .where("name", ">", storedKey(page.afterKey))
    .orderBy("name")
    .limit(page.limit),
);
