import type { CatalogArchive } from "../catalog/archive-row.ts";
import { counted, hourToText } from "./hourly-window.ts";
import type { RescueParts, RescueState } from "./rescue-state.ts";
import { requested, type Tier } from "./schedule.ts";

/** Counts a job as paid for, durably and before its request: a kill must not let a cap be passed. */
export function charge(parts: RescueParts, state: RescueState, archive: CatalogArchive, tier: Tier): void {
  const { money, catalog, now } = parts;
  const { sizeBytes: bytes } = archive;
  const work = { archives: 1, bytes };
  // Without a limit too: the next run may have one.
  const hour = counted(state.schedule.hour, bytes, now());
  state.schedule = requested(state.schedule, { bytes, usd: money.usdOf(tier, work) }, hour);
  state.noteAhead(archive);
  catalog.change(() => {
    money.count(tier, work);
    catalog.facts.set("rescue-hour", hourToText(hour));
    catalog.requests.add(archive.number, { tier, sentAt: null });
  });
}

/** Takes the charge of a job back that was not started. */
export function refund(
  { money, catalog }: Pick<RescueParts, "money" | "catalog">,
  state: RescueState,
  { number, sizeBytes: bytes }: Pick<CatalogArchive, "number" | "sizeBytes">,
  tier: Tier,
): void {
  catalog.change(() => {
    money.count(tier, { archives: -1, bytes: -bytes });
    catalog.requests.delete(number);
  });
  const spentUsd = state.schedule.spentUsd - money.usdOf(tier, { archives: 1, bytes });
  state.schedule = { ...state.schedule, spentUsd };
}
