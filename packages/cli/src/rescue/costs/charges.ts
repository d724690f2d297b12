import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { counted, hourToText } from "../schedule/hourly-window.ts";
import { requested, type Tier } from "../schedule/schedule.ts";

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
    catalog.unpaid.forget(archive.number);
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

type Paying = Pick<RescueParts, "money" | "catalog" | "limits">;

/** Counts bytes that were not counted with a job, before they are received. Returns false if they would make the costs exceed the cap. */
export function chargeTransfer({ money, catalog, limits }: Paying, state: RescueState, bytes: number): boolean {
  const spentUsd = state.schedule.spentUsd + money.usdOfTransfer(bytes);
  if (limits.costMax !== null && spentUsd > limits.costMax) {
    return false;
  }
  catalog.change(() => money.countTransfer(bytes));
  state.schedule = { ...state.schedule, spentUsd };
  return true;
}

/** Takes back the charge of a transfer of which no byte was received. */
export function refundTransfer({ money, catalog }: Paying, state: RescueState, bytes: number): void {
  catalog.change(() => money.countTransfer(-bytes));
  const spentUsd = state.schedule.spentUsd - money.usdOfTransfer(bytes);
  state.schedule = { ...state.schedule, spentUsd };
}
