import type { DatabaseSync } from "node:sqlite";
import { type AuditOutcome, type AuditRow, type ChainPlace, chainOrigin } from "@moraine/protocol";
import type { AuditTrail } from "../admin/audit-trail.ts";

/** Reads the trail from the tables, unchecked. */
export function trailIn(database: DatabaseSync): AuditTrail {
  const state = database.prepare("SELECT pruned_seq, pruned_hash FROM audit_state").get();
  const pruned: ChainPlace =
    state === undefined ? chainOrigin : { sequence: Number(state["pruned_seq"]), hash: hexOf(state["pruned_hash"]) };
  return { pruned, rows: rowsOf(database) };
}

async function* rowsOf(database: DatabaseSync): AsyncGenerator<AuditRow, void, void> {
  const rows = database.prepare("SELECT * FROM audit_entries ORDER BY seq").iterate();
  for (const row of rows) {
    yield {
      sequence: Number(row["seq"]),
      time: typeof row["time"] === "number" ? row["time"] : Number.NaN,
      accountId: textOf(row["account_id"]),
      principal: textOf(row["principal"]),
      accessKeyId: textOf(row["access_key_id"]),
      address: textOf(row["address"]),
      operation: textOf(row["operation"]) ?? "",
      vault: textOf(row["vault"]),
      subject: textOf(row["subject"]),
      outcome: (textOf(row["outcome"]) ?? "") as AuditOutcome,
      reason: textOf(row["reason"]),
      requestId: textOf(row["request_id"]),
      hash: hexOf(row["hash"]),
    };
  }
}

/** Replaces a value that is not a string by one that never matches its hash. */
const textOf = (value: unknown): string | null => (value === null || typeof value === "string" ? value : "\ufffd");
const hexOf = (value: unknown): string => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : "");
