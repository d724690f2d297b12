import { hash } from "node:crypto";
import { AuditChainCheck, type ChainPlace, chainOrigin } from "@moraine/protocol";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { entryOf } from "../../storage/metadata/tables/audit.ts";
import { hexOf } from "../../storage/metadata/tables/audit-chain.ts";
import type { AuditEntryRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";

const pageRows = 1000;

/** Follows the chain of the audit trail. A server may prune its beginning meanwhile: then a second look sees all that is left. */
export async function checkAuditTrail(verification: Verification): Promise<void> {
  await verification.confirmed(() => follow(verification));
}

async function follow(verification: Verification): Promise<Finding[]> {
  const { check, firstRows } = await verification.rows.snapshot(async () => ({
    check: new AuditChainCheck((text) => hash("sha256", text), await prunedPlace(verification)),
    firstRows: await pageAfter(verification, Number.MIN_SAFE_INTEGER),
  }));
  let entries = 0;
  let after = Number.MIN_SAFE_INTEGER;
  let rows = firstRows;
  for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
    for (const row of rows) {
      check.push(entryOf(row));
    }
    entries += rows.length;
    after = nextPlace(after, last.seq);
    rows = await pageAfter(verification, after);
    await verification.step();
  }
  verification.totals.auditEntries = entries;
  return check
    .finish()
    .findings.map((message) => ({ code: "audit-chain", message: `the audit trail was changed: ${message}` }));
}

async function pageAfter({ rows }: Verification, seq: number): Promise<AuditEntryRow[]> {
  const page = `SELECT * FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT ${pageRows}`;
  return (await rows.select(page, [seq])) as unknown as AuditEntryRow[];
}

async function prunedPlace({ rows }: Verification): Promise<ChainPlace> {
  const [state] = await rows.select("SELECT pruned_seq, pruned_hash FROM audit_state", []);
  return state === undefined
    ? chainOrigin
    : { sequence: Number(state["pruned_seq"]), hash: hexOf(state["pruned_hash"]) };
}
