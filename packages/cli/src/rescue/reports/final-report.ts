import { bytesInWords } from "../../arguments/sizes.ts";
import type { FailedArchive } from "../../manifest/report/failures.ts";
import type { RescueFacts } from "../../manifest/report/report-page.ts";
import { grouped } from "../../planning/amounts-in-words.ts";
import type { RescueSnapshot } from "../rescue-event.ts";
import type { RescueParts } from "../rescue-state.ts";
import { tiers } from "../schedule/schedule.ts";
import { minus, type Work } from "../work.ts";

/** Returns the facts of the report's page. */
export function reportFacts(
  { vaultName, target, money }: RescueParts,
  { selected, verified, failed, requested }: RescueSnapshot,
  reportedAt: Date,
): RescueFacts {
  const state = (name: string, work: Work) => ({ state: name, ...work });
  const missing = minus(minus(minus(selected, verified), failed), requested);
  const costs = tiers
    .map((tier) => ({ tier, paid: money.paidIn(tier) }))
    .filter(({ paid }) => paid.archives > 0)
    .map(({ tier, paid }) => ({
      name: `${tier} jobs, and the transfer of their outputs at most`,
      quantity: `${grouped(paid.archives)} jobs, ${bytesInWords(paid.bytes)}`,
      amount: money.isKnown ? money.usdOf(tier, paid) : null,
    }));
  const transferred = money.transferredBytes();
  if (transferred > 0) {
    costs.push({
      name: "Transfers of outputs whose jobs were not paid for here, or again",
      quantity: bytesInWords(transferred),
      amount: money.isKnown ? money.usdOfTransfer(transferred) : null,
    });
  }
  return {
    vault: vaultName,
    target: target.url,
    reportedAt,
    states: [
      state("not requested", missing),
      state("requested", requested),
      state("verified", verified),
      state("failed", failed),
    ],
    costs,
    currency: "USD",
  };
}

/** Yields the archives that were given up. */
export async function* failuresOf(
  { copies, catalog }: RescueParts,
  failedAt: Date,
): AsyncGenerator<FailedArchive, void, void> {
  for await (const batch of copies.inState("failed")) {
    for (const { number, path, sizeBytes, error, attempts } of batch) {
      const archiveId = catalog.archives.byNumber(number)?.archiveId ?? "";
      yield { archiveId, path, sizeBytes, reason: error ?? "", attempts, failedAt };
    }
  }
}
