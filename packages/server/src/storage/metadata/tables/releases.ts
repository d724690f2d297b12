import { manifestPlace } from "../../../domain/segment.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes } from "../sqlite/methods.ts";
import { insertion, manyRows, rowsChanged } from "../sqlite/prepared.ts";
import type { Database } from "./schema.ts";
import { letGoFrom } from "./segments.ts";

export const releaseChanges = {
  async releaseSegments(db, { limit }) {
    let left = limit;
    for (const owner of await selectReleases(db, { limit })) {
      left -= await releaseNext(db, owner, left);
      if (left === 0) {
        break;
      }
    }
    return limit - left;
  },
} satisfies Partial<Changes>;

/** More than this are let go in rounds: whoever deletes a large archive must not make others wait. */
const releasedAtOnce = 8;

interface Owner {
  readonly ownerId: string;
  /** When it ended. */
  readonly now: Instant;
}

/** Lets go of the segments of an owner that has ended: of a few now, of many in rounds. */
export async function release(db: Database, owner: Owner): Promise<void> {
  const { count, nextByte } = await letGoFrom(db, { ...owner, fromByte: manifestPlace, limit: releasedAtOnce });
  if (count === releasedAtOnce) {
    await insertRelease(db, { owner_id: owner.ownerId, from_byte: nextByte, released_at: owner.now });
  }
}

/** Changes up to `limit` rows, and returns how many. */
async function releaseNext(
  db: Database,
  {
    owner_id: ownerId,
    from_byte: fromByte,
    released_at: now,
  }: { owner_id: string; from_byte: number; released_at: number },
  limit: number,
): Promise<number> {
  const { count, nextByte } = await letGoFrom(db, { ownerId, fromByte, now, limit });
  if (count < limit) {
    return count + (await deleteRelease(db, { ownerId }));
  }
  await updateRelease(db, { ownerId, nextByte });
  return count;
}

const insertRelease = insertion("releases");

const selectReleases = manyRows((db, at: { limit: number }) => db.selectFrom("releases").selectAll().limit(at.limit));

const updateRelease = rowsChanged((db, at: { ownerId: string; nextByte: number }) =>
  db.updateTable("releases").set({ from_byte: at.nextByte }).where("owner_id", "=", at.ownerId),
);

const deleteRelease = rowsChanged((db, at: { ownerId: string }) =>
  db.deleteFrom("releases").where("owner_id", "=", at.ownerId),
);
