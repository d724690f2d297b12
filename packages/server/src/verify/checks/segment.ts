import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import { unpackId } from "../../storage/metadata/tables/packed.ts";
import { keyOf, segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";
import { SegmentContents } from "./segment-contents.ts";
import { type Owner, SegmentOwners } from "./segment-owners.ts";

/** Checks one segment after the other: its row, its owner, its file. */
export class SegmentCheck {
  readonly #verification: Verification;
  readonly #owners: SegmentOwners;
  readonly #contents: SegmentContents;
  readonly #select: StatementSync;
  readonly #damage: StatementSync;

  constructor(verification: Verification) {
    this.#verification = verification;
    this.#owners = new SegmentOwners(verification.database);
    this.#contents = new SegmentContents(verification);
    this.#select = verification.database.prepare("SELECT * FROM segments WHERE name = ?");
    this.#damage = verification.database.prepare(
      "SELECT reason FROM damage WHERE owner_id = ? AND segment_key = ? LIMIT 1",
    );
  }

  /** Reads the row again each time: a second look sees what became of it. */
  async findingsOf(name: Uint8Array): Promise<Finding[]> {
    const row = this.#select.get(name) as unknown as SegmentRow | undefined;
    // A file of the others may or may not exist.
    if (row === undefined || row.state === "pending" || row.state === "dead") {
      return [];
    }
    if (!hasReadableOwner(row)) {
      const message = `the owner of the segment ${Buffer.from(row.name).toString("hex")} cannot be read`;
      return [{ code: "row-damaged", message }];
    }
    const key = keyOf(row);
    const owner = this.#owners.find(row);
    const about = {
      ...(owner?.about ?? { archive: unpackId({ head: row.owner_head, tail: row.owner_tail }) }),
      file: `blobs/${key}`,
    };
    const message = brokenRow(row);
    if (message !== null) {
      return [{ code: "row-damaged", message, ...about }];
    }
    const findings = this.#stateFindings(row, owner).map((finding) => ({ ...finding, ...about }));
    this.#verification.totals.segments += 1;
    const sizeBytes = await this.#fileSize(key);
    if (sizeBytes === null) {
      return [...findings, { code: "segment-missing", message: "the segment's file is missing", ...about }];
    }
    const segment = { ...segmentOf({ ...row, first_byte: row.first_byte ?? 0 }), firstByte: row.first_byte };
    const found = await this.#contents.findingsOf(segment, owner, sizeBytes);
    return [...findings, ...found.map((finding) => ({ ...finding, ...about }))];
  }

  #stateFindings(row: SegmentRow, owner: Owner | null): Finding[] {
    if (row.state === "deleted") {
      return [];
    }
    if (owner === null) {
      return [{ code: "segment-state", message: `the segment is ${row.state}, but nobody refers to it` }];
    }
    if (row.state === "suspect") {
      const reason = this.#damage.get(unpackId({ head: row.owner_head, tail: row.owner_tail }), keyOf(row))?.["reason"];
      return [
        { code: "segment-suspect", message: `reads found the segment damaged: ${reason ?? "no place is known"}` },
      ];
    }
    return [];
  }

  async #fileSize(key: string): Promise<number | null> {
    const found = await lstat(join(this.#verification.folder.path, "blobs", key)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "ENOTDIR") {
          return null;
        }
        throw error;
      },
    );
    return found?.isFile() === true ? found.size : null;
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
