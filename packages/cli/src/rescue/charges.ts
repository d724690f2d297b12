import type { CatalogArchive } from "../catalog/archive-row.ts";
import { counted, emptyHour, hourToText } from "./hourly-window.ts";
import type { RescueParts, RescueState } from "./rescue-state.ts";
import { requested, type Tier } from "./schedule.ts";

/** Counts a job as paid for, durably and before its request: a kill must not let a cap be passed. */
export function charge(parts: RescueParts, state: RescueState, archive: CatalogArchive, tier: Tier): void {
  const { money, catalog, limits, now } = parts;
  const { sizeBytes: bytes } = archive;
  const work = { archives: 1, bytes };
  const hour = limits.retrievalBytesPerHour === null ? emptyHour : counted(state.schedule.hour, bytes, now());
  state.schedule = requested(state.schedule, { bytes, usd: money.usdOf(tier, work) }, hour);
  state.noteAhead(archive);
  catalog.change(() => {
    money.count(tier, work);
    if (limits.retrievalBytesPerHour !== null) {
      catalog.facts.set("rescue-hour", hourToText(hour));
    }
  });
}

/** Takes the charge of a job back that was not started. */
export function refund(
  { money, catalog }: Pick<RescueParts, "money" | "catalog">,
  state: RescueState,
  { sizeBytes: bytes }: Pick<CatalogArchive, "sizeBytes">,
  tier: Tier,
): void {
  catalog.change(() => money.count(tier, { archives: -1, bytes: -bytes }));
  const spentUsd = state.schedule.spentUsd - money.usdOf(tier, { archives: 1, bytes });
  state.schedule = { ...state.schedule, spentUsd };
}
