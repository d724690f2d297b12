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
  const { database } = verification;
  const { check, firstRows } = await verification.snapshot(() => {
    const pruned = prunedPlace(verification);
    return {
      check: new AuditChainCheck((text) => hash("sha256", text), pruned),
      firstRows: pageAfter(Number.MIN_SAFE_INTEGER),
    };
  });
  function pageAfter(seq: number): AuditEntryRow[] {
    const page = database.prepare(`SELECT * FROM audit_entries WHERE seq > ? ORDER BY seq LIMIT ${pageRows}`);
    return page.all(seq) as unknown as AuditEntryRow[];
  }
  let entries = 0;
  let after = Number.MIN_SAFE_INTEGER;
  let rows = firstRows;
  for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
    for (const row of rows) {
      check.push(entryOf(row));
    }
    entries += rows.length;
    after = nextPlace(after, last.seq);
    rows = pageAfter(after);
    await verification.step();
  }
  verification.totals.auditEntries = entries;
  return check
    .finish()
    .findings.map((message) => ({ code: "audit-chain", message: `the audit trail was changed: ${message}` }));
}

function prunedPlace({ database }: Verification): ChainPlace {
  const state = database.prepare("SELECT pruned_seq, pruned_hash FROM audit_state").get();
  return state === undefined
    ? chainOrigin
    : { sequence: Number(state["pruned_seq"]), hash: hexOf(state["pruned_hash"]) };
}
