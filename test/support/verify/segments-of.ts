import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { unpackId } from "../../../packages/server/src/storage/metadata/tables/packed.ts";
import { keyOf } from "../../../packages/server/src/storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../packages/server/src/storage/metadata/tables/schema.ts";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import { ids } from "./filled-folder.ts";

export interface StoredSegment {
  readonly file: string;
  readonly sizeBytes: number;
  /** The archive, upload or job that a finding about the segment names. */
  readonly owner: Partial<Finding>;
}

/** The segments of a folder, in the order of their keys. */
export function segmentsOf(path: string): StoredSegment[] {
  const database = new DatabaseSync(join(path, "moraine.db"), { readOnly: true });
  const rows = database.prepare("SELECT * FROM segments ORDER BY name").all() as unknown as SegmentRow[];
  database.close();
  return rows.map((row) => {
    const id = unpackId({ head: row.owner_head, tail: row.owner_tail });
    return { file: join(path, "blobs", keyOf(row)), sizeBytes: Number(row.size_bytes), owner: ownerOf(id) };
  });
}

function ownerOf(id: string): Partial<Finding> {
  if (id === ids.job) {
    return { job: id };
  }
  return [ids.single, ids.parts, ids.other, ids.deleted].includes(id) ? { archive: id } : { upload: ids.upload };
}
