import { millisecondsPer } from "@moraine/protocol";
import { inBatches } from "./batches.ts";
import type { JobServices } from "./context.ts";

const batchRows = 500;

/**
 * Drops entries of the audit trail that have been kept long enough. Each batch leaves an entry of its own, so it waits until a
 * day's worth has gathered: else a trail that is always written to would gain one with every round.
 */
export async function pruneAudit(
  { metadata, trustedClock, auditKeptMilliseconds }: JobServices,
  signal: AbortSignal,
): Promise<void> {
  const now = trustedClock.expiryNow();
  const recordedBefore = now - auditKeptMilliseconds;
  const { firstTime } = await metadata.auditState({});
  if (firstTime !== null && firstTime < recordedBefore - millisecondsPer.day) {
    await inBatches(signal, batchRows, () => metadata.pruneAuditEntries({ recordedBefore, now, limit: batchRows }));
  }
}
