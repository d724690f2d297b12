import { nextPlace } from "../../../domain/stores/next-place.ts";
import { unpackId } from "../../../storage/metadata/tables/packed.ts";
import { keyOf, segmentOf } from "../../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../storage/metadata/tables/schema.ts";
import type { Finding } from "../../finding.ts";
import { filesIn } from "../../segment-store.ts";
import type { Verification } from "../../verification.ts";
import { hasReadableOwner } from "./segment.ts";
import { SegmentContents } from "./segment-contents.ts";
import { ownerOf } from "./segment-owners.ts";

const pageRows = 500;

/** Checks the copy of each segment that somebody refers to. Deleted ones have copies only if they had them before. */
export async function checkMirror(verification: Verification): Promise<void> {
  const { mirror } = verification;
  if (mirror.state !== "read") {
    return;
  }
  const copies = new MirrorCopies(verification, mirror.path);
  const page = `SELECT name FROM segments WHERE name > $1 AND length(name) = 14 ORDER BY name LIMIT ${pageRows}`;
  for (let after: Uint8Array | undefined = new Uint8Array(); after !== undefined; ) {
    const rows = (await verification.rows.select(page, [after])) as Array<Pick<SegmentRow, "name">>;
    for (const { name } of rows) {
      await verification.confirmed(() => copies.findingsOf(name));
      await verification.step();
    }
    const last: Pick<SegmentRow, "name"> | undefined = rows.at(-1);
    after = last === undefined ? undefined : nextPlace(after, last.name);
  }
}

class MirrorCopies {
  readonly #verification: Verification;
  readonly #contents: SegmentContents;

  constructor(verification: Verification, path: string) {
    this.#verification = verification;
    this.#contents = new SegmentContents(verification, filesIn(path));
  }

  /** Rows that do not say what their file should be are findings of the data folder. */
  async findingsOf(name: Uint8Array): Promise<Finding[]> {
    const { rows, place } = this.#verification;
    const [row] = (await rows.select(
      "SELECT * FROM segments WHERE name = $1 AND state IN ('live', 'suspect') AND first_byte IS NOT NULL AND size_bytes > 0",
      [name],
    )) as unknown as SegmentRow[];
    if (row === undefined || !hasReadableOwner(row) || row.tree_hash?.length !== 32) {
      return [];
    }
    const owner = await ownerOf(rows, row);
    const about = {
      ...(owner?.about ?? { archive: unpackId({ head: row.owner_head, tail: row.owner_tail }) }),
      ...place.segments.subjectOf(keyOf(row)),
    };
    const segment = segmentOf({ ...row, first_byte: row.first_byte ?? 0 });
    // No owner: a description or a vault that was edited is the database's fault, and both copies say so.
    const findings = await this.#contents.findingsOf(segment, null);
    return findings.map(({ code, message }) =>
      code === "segment-missing"
        ? { code: "mirror-missing", message: "the segment's copy in the mirror is missing", ...about }
        : { code: "mirror-segment", message: `in the mirror: ${message}`, ...about },
    );
  }
}
