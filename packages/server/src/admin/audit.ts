import { adminLimits, auditOutcomes, errors, type ListAuditEntriesInput } from "@moraine/protocol";
import type { AuditFilter } from "../domain/audit.ts";
import { describeEntry } from "../domain/audit-entry.ts";
import { pageLimit } from "../domain/page.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { AdminHandler } from "./context.ts";
import { readNameMarker, writeNameMarker } from "./list-page.ts";

/** The entries that one page looks at: filters may pass over many, while other lists wait. */
const visitsMax = 20_000;

export const listAuditEntries: AdminHandler<"ListAuditEntries"> = async ({ metadata }, input) => {
  const limit = pageLimit(input.limit, adminLimits.auditPageMax);
  const page = { ...filterOf(input), afterSequence: readNameMarker(input.marker, sequenceOf) ?? 0, limit, visitsMax };
  const { rows, through, isLast } = await metadata.listAuditEntries(page);
  const next = writeNameMarker(String(through));
  return { AuditEntries: rows.map(describeEntry), Marker: isLast ? null : next, NextMarker: next };
};

export const getAuditHead: AdminHandler<"GetAuditHead"> = async ({ metadata, audit }) => {
  const { pruned, head } = await metadata.auditState({});
  const signHead = await audit.signer();
  return {
    PrunedThrough: pruned.sequence,
    PrunedHash: pruned.hash,
    KeptDays: audit.keptDays,
    Anchor: signHead(head),
  };
};

function filterOf(input: ListAuditEntriesInput): AuditFilter {
  const { account, principal, operation, vault, outcome } = input;
  const known = auditOutcomes.find((one) => one === outcome);
  if (outcome !== undefined && known === undefined) {
    throw errors.invalidParameter(`Invalid outcome: ${outcome}. It must be one of ${auditOutcomes.join(", ")}`);
  }
  return {
    since: readTime("since", input.since),
    until: readTime("until", input.until),
    accountId: account ?? null,
    principal: principal ?? null,
    operation: operation ?? null,
    vault: vault ?? null,
    outcome: known ?? null,
  };
}

function readTime(name: string, text: string | undefined): Instant | null {
  if (text === undefined) {
    return null;
  }
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw errors.invalidParameter(`Invalid ${name}: ${text}. It must be a time in ISO 8601, like 2026-03-04T05:06:07Z`);
  }
  return time;
}

const sequenceOf = (name: string): number | undefined => (/^[0-9]{1,15}$/.test(name) ? Number(name) : undefined);
