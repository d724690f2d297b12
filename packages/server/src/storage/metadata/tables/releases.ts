import { manifestPlace } from "../../../domain/segment.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes } from "../methods.ts";
import { changing, removal, sealedInsertion, soundRows } from "./row-macs/sealed-rows.ts";
import type { Database, ReleaseRow } from "./schema.ts";
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
async function releaseNext(db: Database, row: ReleaseRow, limit: number): Promise<number> {
  const { owner_id: ownerId, from_byte: fromByte, released_at: now } = row;
  const { count, nextByte } = await letGoFrom(db, { ownerId, fromByte, now, limit });
  if (count < limit) {
    return count + (await deleteRelease(db, row));
  }
  await continueFrom(db, row, { from_byte: nextByte });
  return count;
}

const insertRelease = sealedInsertion("releases");

const selectReleases = soundRows("releases", (db, at: { limit: number }) =>
  db.selectFrom("releases").selectAll().limit(at.limit),
);

const continueFrom = changing("releases", "from_byte");
const deleteRelease = removal("releases");
