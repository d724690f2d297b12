import type { CommandContext } from "../context/tools.ts";
import { onOneLine } from "../terminal/printable.ts";
import { jobFileFor } from "../transfers/upload-state.ts";
import type { EmptyingSettings } from "./empty-vault.ts";
import { removeVault } from "./remove-vault.ts";
import { assertNoneUnknown } from "./unknown-archives.ts";

/**
 * Deletes a vault whose archives were all deleted, as far as the catalogue knew them.
 *
 * @param wait seconds to wait for the service's next inventory; true for no limit.
 */
export async function finishVault(
  tools: CommandContext,
  { client, vaultName, catalog, signal, report }: EmptyingSettings,
  wait: number | true,
): Promise<"deleted" | "closed"> {
  const before = catalog.facts.get("emptied-inventory");
  const jobFile = await jobFileFor(tools, vaultName, "emptied");
  return removeVault({
    client,
    vaultName,
    signal,
    waitMillisecondsMax: wait === true ? Number.POSITIVE_INFINITY : wait * 1000,
    inventoryBefore: before === null || before === "" ? null : new Date(before),
    onWaiting: () =>
      report.note("waiting", `vault ${vaultName} is empty; waiting until the service has made an inventory of it`, {}),
    onCounted: (leftMilliseconds) =>
      assertNoneUnknown({
        client,
        vaultName,
        catalog,
        signal,
        jobFile,
        waitMillisecondsMax: leftMilliseconds,
        onUnknown: (archiveId, description) =>
          report.note("unknown", `not deleted: ${archiveId} ${onOneLine(description)}`, { archiveId, description }),
      }),
  });
}
