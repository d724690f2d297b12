import { invariant } from "../../../domain/invariant.ts";
import type { Segment } from "../../../domain/segment.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes, Queries } from "../sqlite/methods.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "../sqlite/prepared.ts";
import { storedHash, storedHead, storedKey } from "../sqlite/stored-values.ts";
import { keyOf, notNull, segmentName, segmentOf } from "./rows.ts";
import type { Database } from "./schema.ts";

export const segmentQueries = {
  async segmentsOf(db, { archiveId, range, limit }) {
    const rows = await selectWithin(db, { archiveId, ...range, limit });
    return rows.map(segmentOf);
  },

  async findSegment(db, key) {
    const row = await selectReferenced(db, { key });
    return row === undefined ? null : segmentOf(row);
  },

  async deletedSegments(db, { after, limit }) {
    const rows = await selectDeleted(db, { ...(after ?? { deletedAt: Number.MIN_SAFE_INTEGER, key: "" }), limit });
    return rows.map((row) => ({
      key: keyOf(row),
      deletedAt: notNull(row.deleted_at),
      sizeBytes: notNull(row.size_bytes),
    }));
  },

  async deadSegments(db, { afterKey, limit }) {
    const rows = await selectDead(db, { afterKey: afterKey ?? "", limit });
    return rows.map(keyOf);
  },
} satisfies Partial<Queries>;

export const segmentChanges = {
  async recordIntent(db, { key, ownerId, leaseUntil }) {
    await insertSegment(db, {
      ...unwritten,
      ...segmentName({ key, ownerId }),
      state: "pending",
      lease_until: leaseUntil,
    });
  },

  async renewIntents(db, { keys, leaseUntil }) {
    for (const key of keys) {
      await renew(db, { key, leaseUntil });
    }
  },

  abandonSegment: abandonPending,

  async markDead(db, at) {
    return Math.max(await condemnPending(db, at), await condemnDeleted(db, at));
  },

  async forgetSegments(db, keys) {
    for (const key of keys) {
      await forget(db, { key });
    }
  },
} satisfies Partial<Changes>;

/** `pending → dead`; `dead` also when there is no row: a sweeper that was first may have looked before the file was there. */
export async function abandonPending(db: Database, { key, ownerId }: { key: string; ownerId: string }): Promise<void> {
  if ((await abandon(db, { key })) === 1) {
    return;
  }
  const segment = await selectState(db, { key });
  if (segment === undefined) {
    await insertSegment(db, { ...unwritten, ...segmentName({ key, ownerId }), state: "dead", lease_until: null });
  } else {
    invariant(segment.state === "dead", "what is abandoned was never made live");
  }
}

/** `pending → live`, with what has been written. */
export async function makeLive(db: Database, segment: Segment): Promise<void> {
  const changed = await settle(db, segment);
  // Not so when it was made live before, or its lease ran out and the sweeper was first.
  invariant(changed === 1, "a segment becomes live once, and only from pending");
}

/**
 * `live | suspect → deleted` for the first `limit` segments of an owner from `fromByte` on. They keep their places: an
 * earlier job may still read them. Returns how many there were, and where the next one may begin.
 */
export async function letGoFrom(
  db: Database,
  { ownerId, fromByte, now, limit }: { ownerId: string; fromByte: number; now: Instant; limit: number },
): Promise<{ count: number; nextByte: number }> {
  const places = await selectPlaces(db, { ownerId, fromByte, limit });
  const lastByte = places.at(-1)?.first_byte;
  if (lastByte == null) {
    return { count: 0, nextByte: fromByte };
  }
  const count = await letGoWithin(db, { ownerId, fromByte, lastByte, now });
  invariant(count === places.length, "segments are let go one after the other");
  return { count, nextByte: lastByte + 1 };
}

/** `live | suspect → deleted` for the one at a place, if there is one. It loses the place: what comes next takes it. */
export const releaseReplaced = rowsChanged((db, place: { ownerId: string; firstByte: number; now: Instant }) =>
  db
    .updateTable("segments")
    .set({ state: "deleted", deleted_at: place.now, first_byte: null })
    .where("owner_head", "=", storedHead(place.ownerId))
    .where("first_byte", "=", place.firstByte)
    .where("state", "in", referenced),
);

/** Nobody holds a pending segment any more. */
export const releasePending = rowsChanged((db, _: object) =>
  db.updateTable("segments").set({ lease_until: null }).where("state", "=", pending),
);

const pending = literal("pending");
const deleted = literal("deleted");
const dead = literal("dead");
/** The states of a segment that an archive, an open upload or a job's output refers to. */
export const referenced = [literal("live"), literal("suspect")];

const insertSegment = insertion("segments");
const unwritten = { first_byte: null, size_bytes: null, tree_hash: null, deleted_at: null };

const settle = rowsChanged((db, segment: Segment) =>
  db
    .updateTable("segments")
    .set({
      state: "live",
      first_byte: segment.firstByte,
      size_bytes: segment.sizeBytes,
      tree_hash: storedHash(segment.treeHash),
      lease_until: null,
    })
    .where("name", "=", storedKey(segment.key))
    .where("owner_head", "=", storedHead(segment.ownerId))
    .where("state", "=", pending),
);

const renew = rowsChanged((db, lease: { key: string; leaseUntil: Instant }) =>
  db
    .updateTable("segments")
    .set({ lease_until: lease.leaseUntil })
    .where("name", "=", storedKey(lease.key))
    .where("state", "=", pending),
);

const abandon = rowsChanged((db, at: { key: string }) =>
  db
    .updateTable("segments")
    .set({ state: "dead", lease_until: null })
    .where("name", "=", storedKey(at.key))
    .where("state", "=", pending),
);

/** `live → suspect`: reads of it failed. */
export const markSuspect = rowsChanged((db, at: { key: string }) =>
  db
    .updateTable("segments")
    .set({ state: "suspect" })
    .where("name", "=", storedKey(at.key))
    .where("state", "=", literal("live")),
);

/** `suspect → live`: what was damaged reads right again. */
export const clearSuspect = rowsChanged((db, at: { key: string }) =>
  db
    .updateTable("segments")
    .set({ state: "live" })
    .where("name", "=", storedKey(at.key))
    .where("state", "=", literal("suspect")),
);

const forget = rowsChanged((db, at: { key: string }) =>
  db.deleteFrom("segments").where("name", "=", storedKey(at.key)).where("state", "=", dead),
);

export const selectState = oneRow((db, at: { key: string }) =>
  db.selectFrom("segments").select("state").where("name", "=", storedKey(at.key)),
);

const selectReferenced = oneRow((db, at: { key: string }) =>
  db.selectFrom("segments").selectAll().where("name", "=", storedKey(at.key)).where("state", "in", referenced),
);

/** Segments do not overlap, so the first to hold bytes of the range is the last that begins at or before it. */
const selectWithin = manyRows((db, at: { archiveId: string; firstByte: number; lastByte: number; limit: number }) =>
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

const selectPlaces = manyRows((db, at: { ownerId: string; fromByte: number; limit: number }) =>
  db
    .selectFrom("segments")
    .select("first_byte")
    .where("owner_head", "=", storedHead(at.ownerId))
    .where("first_byte", ">=", at.fromByte)
    .where("state", "in", referenced)
    .orderBy("first_byte")
    .limit(at.limit),
);

const letGoWithin = rowsChanged((db, at: { ownerId: string; fromByte: number; lastByte: number; now: Instant }) =>
  db
    .updateTable("segments")
    .set({ state: "deleted", deleted_at: at.now })
    .where("owner_head", "=", storedHead(at.ownerId))
    .where("first_byte", ">=", at.fromByte)
    .where("first_byte", "<=", at.lastByte)
    .where("state", "in", referenced),
);

const condemnPending = rowsChanged((db, at: { now: Instant; limit: number }) =>
  db
    .updateTable("segments")
    .set({ state: "dead", lease_until: null })
    .where("name", "in", (eb) =>
      eb
        .selectFrom("segments")
        .select("name")
        .where("state", "=", pending)
        .where((or) => or.or([or("lease_until", "is", null), or("lease_until", "<", at.now)]))
        .limit(at.limit),
    )
    .where("state", "=", pending),
);

/** A replaced part has no place and so no readers; of an archive's own segments, jobs still read. */
const condemnDeleted = rowsChanged((db, at: { deletedBefore: Instant; completedSince: Instant; limit: number }) =>
  db
    .updateTable("segments")
    .set({ state: "dead" })
    .where("name", "in", (eb) =>
      eb
        .selectFrom("segments as waiting")
        .select("waiting.name")
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
    )
    .where("state", "=", deleted),
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
    .select(["name", "owner_head", "owner_tail"])
    .where("state", "=", dead)
    .where("name", ">", storedKey(page.afterKey))
    .orderBy("name")
    .limit(page.limit),
);
