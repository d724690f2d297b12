import type { TrustedTimeState } from "../../../domain/time/trusted-clock.ts";
import type { Changes, Queries } from "../methods.ts";
import { changing, sealedInsertion, sealedRow } from "./row-macs/sealed-rows.ts";
import { notNull } from "./rows.ts";
import type { TrustedTimeRow } from "./schema.ts";

export const trustedTimeQueries = {
  async trustedTime(db) {
    const row = await selectState(db, {});
    return row === undefined ? null : stateOf(row);
  },
} satisfies Partial<Queries>;

export const trustedTimeChanges = {
  async raiseTrustedTime(db, to) {
    const row = await selectState(db, {});
    if (row === undefined) {
      await insertState(db, rowOf(to));
    } else if (row.high_water <= to.highWater) {
      await changeState(db, row, rowOf(to));
    }
  },
} satisfies Partial<Changes>;

function stateOf(row: TrustedTimeRow): TrustedTimeState {
  const { high_water: highWater, boot_id: id, boot_time: time, boot_monotonic: monotonic, unproven } = row;
  const boot = time === null ? null : { id, time, monotonic: notNull(monotonic), unproven };
  return { highWater, monotonic: row.monotonic ?? 0, boot };
}

function rowOf({ highWater, monotonic, boot }: TrustedTimeState): TrustedTimeRow {
  return {
    id: 1,
    high_water: highWater,
    monotonic,
    boot_id: boot?.id ?? null,
    boot_time: boot?.time ?? null,
    boot_monotonic: boot?.monotonic ?? null,
    unproven: boot?.unproven ?? 0,
  };
}

const selectState = sealedRow("trusted_time", (db, _none: object) => db.selectFrom("trusted_time").selectAll());

const insertState = sealedInsertion("trusted_time");

const changeState = changing(
  "trusted_time",
  "high_water",
  "monotonic",
  "boot_id",
  "boot_time",
  "boot_monotonic",
  "unproven",
);
