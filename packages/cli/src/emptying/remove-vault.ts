import { setTimeout as sleep } from "node:timers/promises";
import type { GlacierClient } from "@moraine/client";
import { isNamed } from "../exit-codes.ts";

/** Error thrown when the service does not delete the vault yet. The exit code is 75: the same command may be run again. */
export class VaultNotReadyError extends Error {
  override readonly name = "VaultNotReadyError";
}

export interface RemovalOptions {
  readonly client: GlacierClient;
  readonly vaultName: string;
  /** How long to wait for the service's next inventory; 0 asks once. */
  readonly waitMillisecondsMax: number;
  /** The date of the service's inventory before the first deletion; null if it had none. */
  readonly inventoryBefore: Date | null;
  readonly signal: AbortSignal;
  /** Called once, when the wait begins. */
  readonly onWaiting: () => void;
  /** Called for each newer inventory that counts archives. Throws if there are any that nobody has deleted. */
  readonly onCounted: (leftMilliseconds: number) => Promise<void>;
}

const pauseMillisecondsFirst = 100;
const pauseMillisecondsMax = 10 * 60_000;

/**
 * Deletes an empty vault. AWS deletes one only after an inventory that is newer than its last change, which it makes about once a day.
 * Resolves to "closed" when AWS has closed its API to the account, as it may do after the last archive.
 */
export async function removeVault(options: RemovalOptions): Promise<"deleted" | "closed"> {
  const end = performance.now() + options.waitMillisecondsMax;
  let seenAt = options.inventoryBefore?.getTime() ?? null;
  for (let pause = pauseMillisecondsFirst; ; pause = Math.min(2 * pause, pauseMillisecondsMax)) {
    const outcome = await tryToRemove(options);
    if (outcome !== "refused") {
      return outcome;
    }
    const counted = await newlyCounted(options, seenAt);
    if (counted !== null) {
      // An inventory that was made while archives were deleted counts some of them.
      seenAt = counted.at;
      await options.onCounted(Math.max(0, end - performance.now()));
    }
    await nextAttempt(options, { end, pause });
  }
}

/** Waits for the next attempt. Throws VaultNotReadyError when no time is left. */
async function nextAttempt(
  { vaultName, signal, onWaiting }: RemovalOptions,
  { end, pause }: { readonly end: number; readonly pause: number },
): Promise<void> {
  const left = end - performance.now();
  if (left <= 0) {
    throw new VaultNotReadyError(
      `Vault ${vaultName} has no archives left; the service deletes it after its next inventory, within about a day`,
    );
  }
  if (pause === pauseMillisecondsFirst) {
    onWaiting();
  }
  await sleep(Math.min(pause, left), undefined, { signal });
}

/** Returns the date of the service's count of the vault, if it has archives and was not seen before. */
async function newlyCounted(
  { client, vaultName, signal }: RemovalOptions,
  seenAt: number | null,
): Promise<{ readonly at: number | null } | null> {
  const { vaultContents } = await import("@moraine/client/node");
  const contents = await vaultContents(client, { vaultName }, { signal });
  if (contents === null || contents.archiveCount === 0) {
    return null;
  }
  const at = contents.lastInventoryDate?.getTime() ?? null;
  return contents.hasCurrentInventories || (at !== null && at !== seenAt) ? { at } : null;
}

async function tryToRemove({ client, vaultName, signal }: RemovalOptions): Promise<"deleted" | "closed" | "refused"> {
  try {
    await client.deleteVault({ vaultName }, { signal });
    return "deleted";
  } catch (error) {
    if (isNamed(error, "NoLongerSupportedException")) {
      return "closed";
    }
    if (isNamed(error, "ResourceNotFoundException")) {
      return "deleted";
    }
    if (isNamed(error, "InvalidParameterValueException") && /not empty|recently written/i.test(error.message)) {
      return "refused";
    }
    throw error;
  }
}
