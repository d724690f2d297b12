import { bytesInWords } from "../../arguments/sizes.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import { openCatalog } from "../../catalog/opening/open-catalog.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { grouped } from "../../planning/amounts-in-words.ts";
import { listing } from "../../terminal/table.ts";
import { isRunning, recordedState } from "../reports/rescue-status.ts";
import { isCounting, snapshotFacts } from "../reports/snapshot-text.ts";

/** Shows what the catalogue knows about a rescue, also of one that another process runs. Asks no service. */
export async function printStatus(
  tools: CommandContext,
  vaultName: string,
  target: string | null,
  options: CatalogOptions,
): Promise<void> {
  using catalog = openCatalog(tools, vaultName, options);
  const recorded = recordedState(catalog);
  if (recorded === null) {
    throw new UsageError(
      `The catalogue ${catalog.path} has no rescue of vault ${vaultName}: start one with moraine rescue VAULT TARGET`,
    );
  }
  if (target !== null && targetUrlOf(tools, target) !== recorded.target) {
    throw new UsageError(`The last rescue of vault ${vaultName} was to ${recorded.target}, not to ${target}`);
  }
  const running = isRunning(recorded, tools.now());
  const copies = catalog.copies.of(recorded.target).totals();
  const state = running
    ? `running (process ${recorded.pid})`
    : (recorded.end ?? "ended without a word: killed, or a power cut");
  const amount = ({ copies: count, bytes }: { copies: number; bytes: number }) =>
    `${grouped(count)} archives, ${bytesInWords(bytes)}`;
  tools.printResult({ ...recorded, running, copies, jobs: catalog.jobs.countByState() }, () =>
    listing({
      target: recorded.target,
      state,
      "as of": recorded.at,
      ...snapshotFacts(recorded.snapshot),
      ...(running && isCounting(recorded.snapshot) && { selected: "the archives are being counted" }),
      // The catalogue is newer than the snapshot of a rescue that was killed.
      verified: amount(copies.verified),
    }),
  );
}

const targetUrlOf = (tools: CommandContext, target: string): string =>
  /^(s3:\/\/|vault:)/.test(target) ? target : tools.pathOf(target);
