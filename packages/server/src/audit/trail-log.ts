import type { AuditRow } from "@moraine/protocol";
import { everyAuditEntry } from "../domain/audit.ts";
import { describeEntry } from "../domain/audit-entry.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { LogTarget } from "./log-target.ts";

/** Bounds the text that is in memory at a time. */
const pageRows = 500;
const visitsMax = 10_000;

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
    const page = { ...everyAuditEntry, afterSequence, limit: pageRows, visitsMax };
    const { rows, through } = await metadata.listAuditEntries(page);
    if (rows.length > 0) {
      await target.append(rows.map(lineOf).join(""));
    }
    await metadata.noteAuditLogged({ sequence: through });
    afterSequence = Math.max(through, afterSequence + 1);
  }
}

/** The names are those of `moraine admin audit --json`. */
const lineOf = (row: AuditRow): string => `${JSON.stringify(describeEntry(row))}\n`;
