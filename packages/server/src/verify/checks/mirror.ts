import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { ifPresent } from "../../files/missing.ts";
import { unpackId } from "../../storage/metadata/tables/packed.ts";
import { keyOf, segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";
import { hasReadableOwner } from "./segment.ts";
import { SegmentContents } from "./segment-contents.ts";
import { SegmentOwners } from "./segment-owners.ts";

const pageRows = 500;

/** Checks the copy of each segment that somebody refers to. Deleted ones have copies only if they had them before. */
export async function checkMirror(verification: Verification): Promise<void> {
  const { mirror } = verification;
  if (mirror.state !== "read") {
    return;
  }
  const copies = new MirrorCopies(verification, mirror.path);
  const page = verification.database.prepare(
    `SELECT name FROM segments WHERE name > ? AND length(name) = 14 ORDER BY name LIMIT ${pageRows}`,
  );
  for (let after: Uint8Array | undefined = new Uint8Array(); after !== undefined; ) {
    const rows = page.all(after) as Array<Pick<SegmentRow, "name">>;
    for (const { name } of rows) {
      await verification.confirmed(() => copies.findingsOf(name));
      await verification.step();
    }
    const last = rows.at(-1);
    after = last === undefined ? undefined : nextPlace(after, last.name);
  }
}

class MirrorCopies {
  readonly #path: string;
  readonly #contents: SegmentContents;
  readonly #owners: SegmentOwners;
  readonly #select: StatementSync;

  constructor(verification: Verification, path: string) {
    this.#path = path;
    this.#contents = new SegmentContents(verification, path);
    this.#owners = new SegmentOwners(verification.database);
    this.#select = verification.database.prepare(
      "SELECT * FROM segments WHERE name = ? AND state IN ('live', 'suspect') AND first_byte IS NOT NULL AND size_bytes > 0",
    );
  }

  /** Rows that do not say what their file should be are findings of the data folder. */
  async findingsOf(name: Uint8Array): Promise<Finding[]> {
    const row = this.#select.get(name) as unknown as SegmentRow | undefined;
    if (row === undefined || !hasReadableOwner(row) || row.tree_hash?.length !== 32) {
      return [];
    }
    const key = keyOf(row);
    const about = {
      ...(this.#owners.find(row)?.about ?? { archive: unpackId({ head: row.owner_head, tail: row.owner_tail }) }),
      file: `blobs/${key}`,
    };
    const found = await ifPresent(lstat(join(this.#path, "blobs", key)));
    if (found?.isFile() !== true) {
      return [{ code: "mirror-missing", message: "the segment's copy in the mirror is missing", ...about }];
    }
    const segment = segmentOf({ ...row, first_byte: row.first_byte ?? 0 });
    // No owner: a description or a vault that was edited is the database's fault, and both copies say so.
    const findings = await this.#contents.findingsOf(segment, null, found.size);
    return findings.map(({ message }) => ({ code: "mirror-segment", message: `in the mirror: ${message}`, ...about }));
  }
}
