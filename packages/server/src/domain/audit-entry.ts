import { type AuditEntryDescription, type AuditRow, formatMilliseconds } from "@moraine/protocol";

/** Describes an entry as the admin API and the log of the trail show it. */
export function describeEntry(row: AuditRow): AuditEntryDescription {
  return {
    Sequence: row.sequence,
    Time: timeOf(row.time),
    AccountId: row.accountId,
    Principal: row.principal,
    AccessKeyId: row.accessKeyId,
    SourceAddress: row.address,
    Operation: row.operation,
    Vault: row.vault,
    Subject: row.subject,
    Outcome: row.outcome,
    Reason: row.reason,
    RequestId: row.requestId,
    Hash: row.hash,
  };
}

/** Accepts times that somebody has put into the database: a check of the chain then names the entry. */
function timeOf(time: unknown): string {
  const date = new Date(typeof time === "number" ? time : Number.NaN);
  return Number.isNaN(date.getTime()) ? "invalid" : formatMilliseconds(date);
}
