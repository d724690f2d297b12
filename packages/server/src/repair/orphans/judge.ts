import type { RowReader } from "../../storage/metadata/row-reader.ts";
import type { OrphanFooter } from "../../verify/orphans/describe-orphan.ts";
import type { Orphan } from "../../verify/orphans/reconcile.ts";
import type { Restored } from "./arguments.ts";
import { type FactSources, ownerFactOf } from "./owner-facts.ts";

export interface Judgement {
  readonly isRemovable: boolean;
  readonly reason: string;
}

export interface Judge extends FactSources {
  readonly restored: Restored;
  isKept(key: string): boolean;
}

const stays = (reason: string): Judgement => ({ isRemovable: false, reason });

/**
 * Decides whether an orphan is removed. One that the database has never known looks like an archive of a newer database, of which this one is an
 * older copy. Only facts that no later change undoes remove it, or the operator's word that nothing can be newer.
 */
export async function judge(
  { restored, isKept, ...facts }: Judge,
  orphan: Orphan,
  end: OrphanFooter,
): Promise<Judgement> {
  if (orphan.otherKey !== null) {
    return stays("a row has its name, and another owner");
  }
  if (isKept(orphan.key)) {
    return stays("a file in the folder quarantine/ keeps it: look at it, and remove that file first");
  }
  if ("problem" in end) {
    return stays("its end does not say what it is");
  }
  const { state, reason } = await ownerFactOf(facts, orphan.key, end.footer);
  if (state !== "unknown") {
    return { isRemovable: state === "needless", reason };
  }
  if (restored === null) {
    return stays(
      `${reason}, but a newer database may have known it: give --restored never, or the time when this one was restored`,
    );
  }
  if (restored !== "never" && Math.min(end.footer.storedAt, orphan.changedAt) < restored) {
    return stays(`${reason}, and it is older than the restored database: it may be an archive that was lost`);
  }
  return { isRemovable: true, reason: `${reason}, and none was lost by a restore since it was written` };
}

/** Throws when the operator's word contradicts the audit trail, which has an entry of each `moraine restore`. */
export async function assertRestored(rows: RowReader, restored: Restored): Promise<void> {
  const [row] = await rows.select("select max(time) as time from audit_entries where operation = $1", [
    "RestoreBackup",
  ]);
  const time = row?.["time"];
  if (typeof time === "number" && restored !== null && (restored === "never" || restored < time)) {
    const known = new Date(time).toISOString();
    throw new Error(`The audit trail says that the database was restored at ${known}: give --restored with that time`);
  }
}
