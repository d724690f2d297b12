import { type AuditRow, formatMilliseconds } from "@moraine/protocol";
import type { MetadataStore } from "../domain/metadata-store.ts";
import type { LogTarget } from "./log-target.ts";

/** Bounds the text that is in memory at a time. */
const pageRows = 500;
const visitsMax = 10_000;

const everything = {
  since: null,
  until: null,
  accountId: null,
  principal: null,
  operation: null,
  vault: null,
  outcome: null,
} as const;

/**
 * Writes entries that the log lacks, one JSON object a line. The database says up to where it has been written, so that a file
 * that could not be written gets all entries later; after a crash some may stand in it twice.
 */
export async function writeTrailLog(
  metadata: Pick<MetadataStore, "auditState" | "listAuditEntries" | "noteAuditLogged">,
  target: LogTarget,
): Promise<void> {
  const { loggedSequence, pruned, head } = await metadata.auditState({});
  let afterSequence = Math.max(loggedSequence, pruned.sequence);
  while (afterSequence < head.sequence) {
    const page = { ...everything, afterSequence, limit: pageRows, visitsMax };
    const { rows, through } = await metadata.listAuditEntries(page);
    if (rows.length > 0) {
      await target.append(rows.map(lineOf).join(""));
    }
    await metadata.noteAuditLogged({ sequence: through });
    afterSequence = Math.max(through, afterSequence + 1);
  }
}

/** The names are those of `moraine admin audit --json`. */
function lineOf(row: AuditRow): string {
  const { sequence, time, accountId, principal, accessKeyId, address, operation } = row;
  const entry = {
    Sequence: sequence,
    Time: formatMilliseconds(new Date(time)),
    AccountId: accountId,
    Principal: principal,
    AccessKeyId: accessKeyId,
    SourceAddress: address,
    Operation: operation,
    Vault: row.vault,
    Subject: row.subject,
    Outcome: row.outcome,
    Reason: row.reason,
    RequestId: row.requestId,
    Hash: row.hash,
  };
  return `${JSON.stringify(entry)}\n`;
}
