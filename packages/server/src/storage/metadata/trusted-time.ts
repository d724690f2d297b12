import type { Changes, Queries } from "./methods.ts";
import { oneRow, rowsChanged } from "./prepared.ts";

export const trustedTimeQueries = {
  async trustedTime(db) {
    const row = await selectHighWater(db, {});
    return row?.high_water ?? null;
  },
} satisfies Partial<Queries>;

export const trustedTimeChanges = {
  async raiseTrustedTime(db, to) {
    await raise(db, { to });
  },
} satisfies Partial<Changes>;

const selectHighWater = oneRow((db, _none: object) => db.selectFrom("trusted_time").select("high_water"));

const raise = rowsChanged((db, { to }: { to: number }) =>
  db
    .insertInto("trusted_time")
    .values({ id: 1, high_water: to })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({ high_water: to }).where("trusted_time.high_water", "<", to),
    ),
);
