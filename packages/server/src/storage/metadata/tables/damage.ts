import { type Damage, placesPerSegmentMax } from "../../../domain/vaults/damage.ts";
import type { Changes, Queries } from "../methods.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "../prepared.ts";
import { findArchive } from "./archives.ts";
import { damageOf, damageRow } from "./damage-rows.ts";
import type { Database } from "./schema.ts";
import { clearSuspect, markSuspect } from "./segments.ts";

export const damageQueries = {
  async findDamage(db, { ownerId, range, limit }) {
    const rows = await selectOverlapping(db, { ownerId, ...range, limit });
    return rows.map(damageOf);
  },

  async listDamage(db, { after, limit }) {
    const { ownerId, firstByte, segmentKey } = after ?? { ownerId: "", firstByte: 0, segmentKey: "" };
    const rows = await selectPage(db, { ownerId, firstByte, segmentKey, limit });
    return rows.map(damageOf);
  },

  async countDamage(db) {
    const [archives, inventories, segments] = [
      await countOwners(db, { kind: "archive" }),
      await countOwners(db, { kind: "inventory" }),
      await countSegments(db, {}),
    ];
    return {
      archives: Number(archives?.count),
      inventories: Number(inventories?.count),
      segments: Number(segments?.count),
    };
  },
} satisfies Partial<Queries>;

export const damageChanges = {
  async recordDamage(db, damage) {
    if (!(await isReferenced(db, damage))) {
      return true;
    }
    const row = damageRow(damage);
    const places = { ownerId: row.owner_id, segmentKey: row.segment_key, firstByte: row.first_byte };
    const known = await selectPlace(db, places);
    const count = Number((await countPlaces(db, places))?.count);
    if (known !== undefined || count >= placesPerSegmentMax) {
      return false;
    }
    await insertDamage(db, row);
    return true;
  },

  async removeDamage(db, damage) {
    const { owner_id: ownerId, segment_key: segmentKey, first_byte: firstByte } = damageRow(damage);
    await deletePlace(db, { ownerId, segmentKey, firstByte });
    const left = await countPlaces(db, { ownerId, segmentKey });
    if (Number(left?.count) === 0) {
      await clearSuspect(db, { key: segmentKey });
    }
  },

  expireDamage(db, at) {
    return deleteOrphaned(db, at);
  },
} satisfies Partial<Changes>;

/** Marks the segment. False when its archive has been deleted, or its inventory let go: its segments follow in rounds. */
async function isReferenced(db: Database, { owner, segmentKey }: Damage): Promise<boolean> {
  if (owner.kind === "archive" && (await findArchive(db, owner.id))?.deletedAt !== null) {
    return false;
  }
  if (segmentKey === null) {
    return true;
  }
  return (await markSuspect(db, { key: segmentKey })) === "suspect";
}

interface Place {
  ownerId: string;
  segmentKey: string;
  firstByte: number;
}

const insertDamage = insertion("damage");

const selectOverlapping = manyRows((db, at: { ownerId: string; firstByte: number; lastByte: number; limit: number }) =>
  db
    .selectFrom("damage")
    .selectAll()
    .where("owner_id", "=", at.ownerId)
    .where("first_byte", "<=", at.lastByte)
    .where("last_byte", ">=", at.firstByte)
    .orderBy("first_byte")
    .orderBy("segment_key")
    .limit(at.limit),
);

const selectPage = manyRows((db, page: Place & { limit: number }) =>
  db
    .selectFrom("damage")
    .selectAll()
    .where((eb) =>
      eb(
        eb.refTuple("owner_id", "first_byte", "segment_key"),
        ">",
        eb.tuple(page.ownerId, page.firstByte, page.segmentKey),
      ),
    )
    .orderBy("owner_id")
    .orderBy("first_byte")
    .orderBy("segment_key")
    .limit(page.limit),
);

const selectPlace = oneRow((db, at: Place) =>
  db
    .selectFrom("damage")
    .select("found_at")
    .where("owner_id", "=", at.ownerId)
    .where("first_byte", "=", at.firstByte)
    .where("segment_key", "=", at.segmentKey),
);

const countPlaces = oneRow((db, at: { ownerId: string; segmentKey: string }) =>
  db
    .selectFrom("damage")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("owner_id", "=", at.ownerId)
    .where("segment_key", "=", at.segmentKey),
);

const countOwners = oneRow((db, at: { kind: "archive" | "inventory" }) =>
  db
    .selectFrom("damage")
    .select((eb) => eb.fn.count<number>("owner_id").distinct().as("count"))
    .where("owner_kind", "=", at.kind),
);

const countSegments = oneRow((db, _: object) =>
  db
    .selectFrom("damage")
    .select((eb) => eb.fn.count<number>("segment_key").distinct().as("count"))
    .where("segment_key", "!=", literal("")),
);

const deletePlace = rowsChanged((db, at: Place) =>
  db
    .deleteFrom("damage")
    .where("owner_id", "=", at.ownerId)
    .where("first_byte", "=", at.firstByte)
    .where("segment_key", "=", at.segmentKey),
);

const deleteOrphaned = rowsChanged((db, at: { limit: number }) =>
  db.deleteFrom("damage").where("owner_id", "in", (eb) =>
    eb
      .selectFrom("damage as orphaned")
      .select("orphaned.owner_id")
      .where("orphaned.owner_kind", "=", literal("inventory"))
      .where((outer) =>
        outer.not(
          outer.exists(outer.selectFrom("jobs").select("jobs.id").whereRef("jobs.id", "=", "orphaned.owner_id")),
        ),
      )
      .limit(at.limit),
  ),
);
