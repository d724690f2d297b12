import type { AuditRow } from "@moraine/protocol";
import { everyAuditEntry } from "../../src/domain/audit.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { eventually } from "./glacier.ts";

/** All entries of the audit trail that the store holds after one. */
export async function trailOf(metadata: MetadataStore, afterSequence = 0): Promise<readonly AuditRow[]> {
  const page = { ...everyAuditEntry, limit: 100_000, visitsMax: 1_000_000 };
  const { rows } = await metadata.listAuditEntries({ ...page, afterSequence });
  return rows;
}

/** The entries after one, as soon as there are this many: attempts are recorded in batches. */
export async function trailOnce(metadata: MetadataStore, afterSequence: number, count: number) {
  let rows: readonly AuditRow[] = [];
  await eventually(`the trail has ${count} entries more`, async () => {
    rows = await trailOf(metadata, afterSequence);
    return rows.length >= count;
  });
  return rows;
}

export async function lastSequence(metadata: MetadataStore): Promise<number> {
  return (await metadata.auditState({})).head.sequence;
}
