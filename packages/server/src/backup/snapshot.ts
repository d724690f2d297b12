import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { type ChainPlace, chainOrigin } from "@moraine/protocol";
import { nextPlace } from "../domain/stores/next-place.ts";
import { isBlobName } from "../storage/blobs/blob-key.ts";
import { keyOf } from "../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";

const pageRows = 500;
const nameBytes = 14;
const hashBytes = 32;
const shelfLength = "ab/cd/".length;
/** Files of the others may or may not exist. A deleted segment's bytes can still be read by jobs that have ended. */
const keptStates = "state IN ('live', 'suspect', 'deleted')";

export interface DatabaseFacts {
  readonly schema: string;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly generation: number;
  readonly auditHead: ChainPlace;
}

/** A copy of a database as a backup holds it: nothing changes it any more. */
export class Snapshot implements Disposable {
  readonly database: DatabaseSync;
  readonly #find: StatementSync;

  constructor(file: string) {
    const url = pathToFileURL(file);
    url.searchParams.set("immutable", "1");
    this.database = new DatabaseSync(url, { readOnly: true });
    this.#find = this.database.prepare(`SELECT 1 FROM segments WHERE name = ? AND ${keptStates}`);
  }

  facts(): DatabaseFacts {
    return factsOf(this.database);
  }

  /** Pages of the segments that belong to the copy, in the order of their files' folders. */
  *segments(): Generator<readonly SegmentRow[], void> {
    const page = this.database.prepare(
      `SELECT * FROM segments WHERE name > ? AND ${keptStates} ORDER BY name LIMIT ${pageRows}`,
    );
    for (let after: Uint8Array | undefined = new Uint8Array(); after !== undefined; ) {
      const rows = page.all(after) as unknown as SegmentRow[];
      yield rows;
      const last = rows.at(-1);
      after = last === undefined ? undefined : nextPlace(after, last.name);
    }
  }

  /** Whether a row refers to the file of this key. */
  refersTo({ name }: Pick<SegmentRow, "name">): boolean {
    return this.#find.get(name) !== undefined;
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}

export function factsOf(database: DatabaseSync): DatabaseFacts {
  const one = (query: string) => database.prepare(query).get();
  const installation = one("SELECT account_id, region FROM installation");
  const head =
    one("SELECT seq, lower(hex(hash)) AS hash FROM audit_entries ORDER BY seq DESC LIMIT 1") ??
    one("SELECT pruned_seq AS seq, lower(hex(pruned_hash)) AS hash FROM audit_state");
  return {
    schema: String(one("SELECT max(name) AS name FROM kysely_migration")?.["name"]),
    accountId: textOf(installation?.["account_id"]),
    region: textOf(installation?.["region"]),
    generation: Number(one("SELECT generation FROM history")?.["generation"]),
    auditHead: head === undefined ? chainOrigin : { sequence: Number(head["seq"]), hash: String(head["hash"]) },
  };
}

/** Whether the trail of a database continues from a place: false when it ends before it, or has another entry there. */
export function trailHolds(database: DatabaseSync, { sequence, hash }: ChainPlace): boolean {
  const entry = database.prepare("SELECT lower(hex(hash)) AS hash FROM audit_entries WHERE seq = ?").get(sequence);
  if (entry !== undefined) {
    return entry["hash"] === hash;
  }
  const pruned = Number(database.prepare("SELECT pruned_seq FROM audit_state").get()?.["pruned_seq"] ?? 0);
  return sequence <= pruned;
}

/** Null for a row that describes no segment. */
export function blobKeyOf(row: SegmentRow): string | null {
  if (!(Number(row.size_bytes) > 0) || row.tree_hash?.length !== hashBytes) {
    return null;
  }
  const key = row.name.length === nameBytes ? keyOf(row) : "";
  return isBlobName(key.slice(shelfLength)) ? key : null;
}

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
