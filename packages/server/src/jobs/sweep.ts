import type { RemovalFailure } from "../domain/stores/blob-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import { inBatches } from "./batches.ts";
import type { JobServices, SweepResult } from "./context.ts";

const batchRows = 200;

/**
 * Makes dead what nobody needs, then removes the blobs of dead segments. A segment's row outlives its bytes, so that a crash
 * never leaves bytes that no row knows.
 */
export async function sweepSegments(services: JobServices, signal: AbortSignal): Promise<void> {
  await inBatches(signal, batchRows, async () => {
    const now = services.trustedClock.expiryNow();
    await services.intents.renew(services.metadata, now);
    return condemn(services, now);
  });
  services.log.swept(await removeDead(services, signal));
}

function condemn(
  { metadata, deletedGraceMilliseconds, outputMilliseconds }: JobServices,
  now: Instant,
): Promise<number> {
  return metadata.markDead({
    now,
    deletedBefore: now - deletedGraceMilliseconds,
    completedSince: now - outputMilliseconds,
    limit: batchRows,
  });
}

/** Passes over blobs that cannot be removed: the next pass asks for them again, so that they never hold up the others. */
async function removeDead({ metadata, blobs, segments }: JobServices, signal: AbortSignal): Promise<SweepResult> {
  const result = { removedCount: 0, failedCount: 0, failure: null as RemovalFailure | null };
  let afterKey: string | null = null;
  await inBatches(signal, batchRows, async () => {
    const keys: string[] = await metadata.deadSegments({ afterKey, limit: batchRows });
    const failures = await blobs.remove(keys);
    if (failures === null) {
      return 0; // A backup reads blobs: the next pass asks for them again.
    }
    for (const key of keys) {
      segments.forget(key); // While a file is open its space is not free.
    }
    const failed = new Set(failures.map(({ key }) => key));
    await metadata.forgetSegments(keys.filter((key) => !failed.has(key)));
    afterKey = keys.at(-1) ?? afterKey;
    result.removedCount += keys.length - failed.size;
    result.failedCount += failed.size;
    result.failure ??= failures[0] ?? null;
    return keys.length;
  });
  return result;
}
