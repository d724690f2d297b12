import { unpackId } from "../../../storage/metadata/tables/packed.ts";
import { keyOf, segmentOf } from "../../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../storage/metadata/tables/schema.ts";
import type { Finding } from "../../finding.ts";
import type { Verification } from "../../verification.ts";
import { SegmentContents } from "./segment-contents.ts";
import { type Owner, ownerOf } from "./segment-owners.ts";

/** Checks one segment after the other: its row, its owner, its bytes. */
export class SegmentCheck {
  readonly #verification: Verification;
  readonly #contents: SegmentContents;

  constructor(verification: Verification) {
    this.#verification = verification;
    this.#contents = new SegmentContents(verification, verification.place.segments);
  }

  async rowOf(name: Uint8Array): Promise<SegmentRow | undefined> {
    const [row] = await this.#verification.rows.select("SELECT * FROM segments WHERE name = $1", [name]);
    return row as unknown as SegmentRow | undefined;
  }

  async findingsOf(row: SegmentRow | undefined): Promise<Finding[]> {
    // A file of the others may or may not exist.
    if (row === undefined || row.state === "pending" || row.state === "dead") {
      return [];
    }
    if (!hasReadableOwner(row)) {
      const message = `the owner of the segment ${Buffer.from(row.name).toString("hex")} cannot be read`;
      return [{ code: "row-damaged", message }];
    }
    const { rows, place, totals } = this.#verification;
    const owner = await ownerOf(rows, row);
    const about = {
      ...(owner?.about ?? { archive: unpackId({ head: row.owner_head, tail: row.owner_tail }) }),
      ...place.segments.subjectOf(keyOf(row)),
    };
    const message = brokenRow(row);
    if (message !== null) {
      return [{ code: "row-damaged", message, ...about }];
    }
    const segment = { ...segmentOf({ ...row, first_byte: row.first_byte ?? 0 }), firstByte: row.first_byte };
    const findings = [...(await this.#stateFindings(row, owner)), ...(await this.#contents.findingsOf(segment, owner))];
    totals.segments += 1;
    return findings.map((finding) => ({ ...finding, ...about }));
  }

  async #stateFindings(row: SegmentRow, owner: Owner | null): Promise<Finding[]> {
    if (row.state === "deleted") {
      return [];
    }
    if (owner === null) {
      return [{ code: "segment-state", message: `the segment is ${row.state}, but nobody refers to it` }];
    }
    if (row.state === "suspect") {
      const [damage] = await this.#verification.rows.select(
        "SELECT reason FROM damage WHERE owner_id = $1 AND segment_key = $2 LIMIT 1",
        [unpackId({ head: row.owner_head, tail: row.owner_tail }), keyOf(row)],
      );
      const reason = damage?.["reason"] ?? "no place is known";
      return [{ code: "segment-suspect", message: `reads found the segment damaged: ${reason}` }];
    }
    return [];
  }
}

const idPattern = /^[A-Za-z0-9_-]+$/;

/** Whether the row names a file: bytes that are no id could be any path. */
export function hasReadableOwner({ owner_head: head, owner_tail: tail }: SegmentRow): boolean {
  return head instanceof Uint8Array && tail instanceof Uint8Array && idPattern.test(unpackId({ head, tail }));
}

/** Says which columns do not fit the state. */
function brokenRow(row: SegmentRow): string | null {
  const isPlaced = row.first_byte !== null || row.state === "deleted";
  const isMeasured = Number(row.size_bytes) > 0 && row.tree_hash instanceof Uint8Array && row.tree_hash.length === 32;
  if (!isPlaced || !isMeasured || (row.state === "deleted") !== (row.deleted_at !== null)) {
    return `the segment is ${row.state}, but its other columns say otherwise`;
  }
  return null;
}
