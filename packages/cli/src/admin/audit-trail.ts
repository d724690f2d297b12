import type { AdminInput } from "@moraine/client";
import {
  type AuditEntryDescription,
  type AuditRow,
  type ChainPlace,
  formatMilliseconds,
  type ListAuditEntriesOutput,
} from "@moraine/protocol";
import type { AdminContext } from "../context/tools.ts";

/** An audit trail, read from a server or from a data folder. */
export interface AuditTrail {
  /** The last entry that was pruned. */
  readonly pruned: ChainPlace;
  /** In the order of the chain. */
  readonly rows: AsyncIterable<AuditRow>;
}

const followMilliseconds = 2000;

/** Lists entries page by page; with `isFollowed`, it then waits for new ones without end. */
export async function* entriesOf(
  { call, signal }: Pick<AdminContext, "call" | "signal">,
  filter: AdminInput<"ListAuditEntries">,
  isFollowed: boolean,
): AsyncGenerator<AuditEntryDescription, void, void> {
  let marker: string | null = null;
  for (;;) {
    const page: ListAuditEntriesOutput = await call(
      "ListAuditEntries",
      marker === null ? filter : { ...filter, marker },
    );
    yield* page.AuditEntries;
    marker = page.NextMarker;
    if (page.Marker === null) {
      if (!isFollowed) {
        return;
      }
      await pause(signal);
    }
  }
}

/** The entire trail of a server. */
export async function trailOfServer(tools: Pick<AdminContext, "call" | "signal">): Promise<AuditTrail> {
  const { PrunedThrough, PrunedHash } = await tools.call("GetAuditHead", {});
  return { pruned: { sequence: PrunedThrough, hash: PrunedHash }, rows: rowsOf(entriesOf(tools, {}, false)) };
}

async function* rowsOf(entries: AsyncIterable<AuditEntryDescription>): AsyncGenerator<AuditRow, void, void> {
  for await (const entry of entries) {
    yield {
      sequence: entry.Sequence,
      time: exactTime(entry.Time),
      accountId: entry.AccountId,
      principal: entry.Principal,
      accessKeyId: entry.AccessKeyId,
      address: entry.SourceAddress,
      operation: entry.Operation,
      vault: entry.Vault,
      subject: entry.Subject,
      outcome: entry.Outcome,
      reason: entry.Reason,
      requestId: entry.RequestId,
      hash: entry.Hash,
    };
  }
}

/** Parses a time. Returns NaN unless it has exactly the server's format. */
function exactTime(text: string): number {
  const time = Date.parse(text);
  return !Number.isNaN(time) && formatMilliseconds(new Date(time)) === text ? time : Number.NaN;
}

async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, followMilliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
