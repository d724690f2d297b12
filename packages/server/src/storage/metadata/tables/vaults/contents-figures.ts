import { type Expression, sql } from "kysely";
import type { Queries } from "../../methods.ts";
import { literal, oneRow } from "../../prepared.ts";
import { inProgress } from "../jobs/job-turns.ts";

export const contentsQueries = {
  async sumVaults(db, { afterId, limit }) {
    const sum = await selectSum(db, { afterId: afterId ?? "", limit });
    return {
      vaults: Number(sum?.vaults ?? 0),
      archives: sum?.archives ?? 0,
      sizeBytes: sum?.size_bytes ?? 0,
      lastId: sum?.last_id ?? null,
    };
  },

  async countWork(db) {
    const [inAll, running] = [await sumInProgress(db, {}), await countRunning(db, {})];
    const [open, dead] = [await countOpen(db, {}), await countDead(db, {})];
    const runningJobs = Number(running?.count ?? 0);
    return {
      runningJobs,
      waitingJobs: Math.max(0, (inAll?.count ?? 0) - runningJobs),
      openUploads: Number(open?.count ?? 0),
      deadSegments: Number(dead?.count ?? 0),
    };
  },
} satisfies Partial<Queries>;

/** A sum of floats never overflows; 0 of no rows. */
const total = (column: Expression<number>) => sql<number>`coalesce(sum(cast(${column} as double precision)), 0)`;

const selectSum = oneRow((db, page: { afterId: string; limit: number }) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom("vaults")
        .select(["id", "archive_count", "archive_bytes"])
        .where("id", ">", page.afterId)
        .orderBy("id")
        .limit(page.limit)
        .as("page"),
    )
    .select((eb) => [
      eb.fn.countAll().as("vaults"),
      total(eb.ref("archive_count")).as("archives"),
      total(eb.ref("archive_bytes")).as("size_bytes"),
      eb.fn.max("id").as("last_id"),
    ]),
);

const sumInProgress = oneRow((db, _: object) =>
  db.selectFrom("jobs_in_progress").select((eb) => total(eb.ref("count")).as("count")),
);

const countRunning = oneRow((db, _: object) =>
  db
    .selectFrom("jobs")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("state", "=", inProgress)
    .where("lease_until", "is not", null),
);

const countOpen = oneRow((db, _: object) =>
  db
    .selectFrom("uploads")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("state", "=", literal("open")),
);

const countDead = oneRow((db, _: object) =>
  db
    .selectFrom("segments")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("state", "=", literal("dead")),
);
