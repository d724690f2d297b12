import { nextPlace } from "../../../domain/stores/next-place.ts";
import { forEach } from "../../../storage/blobs/for-each.ts";
import { isPackedKey } from "../../../storage/metadata/tables/packed.ts";
import type { SegmentRow } from "../../../storage/metadata/tables/schema.ts";
import type { Verification } from "../../verification.ts";
import { unreadableName } from "../row-names.ts";
import { SegmentCheck } from "./segment.ts";

const pageRows = 500;
/** Requests to the bucket. Each has memory for one MiB. */
const atOnce = 8;

/** Compares the rows of segments with the objects of a bucket. Objects without a row are found by `moraine verify --orphans`. */
export async function checkObjects(verification: Verification): Promise<void> {
  const checks = Array.from({ length: atOnce }, () => new SegmentCheck(verification));
  const page = `SELECT * FROM segments WHERE name > $1 ORDER BY name LIMIT ${pageRows}`;
  for (let after: Uint8Array | undefined = new Uint8Array(); after !== undefined; ) {
    const rows = (await verification.rows.select(page, [after])) as unknown as SegmentRow[];
    await checkPage(verification, checks, rows);
    const last: SegmentRow | undefined = rows.at(-1);
    after = last === undefined ? undefined : nextPlace(after, last.name);
    await verification.step();
  }
}

async function checkPage(
  verification: Verification,
  checks: readonly SegmentCheck[],
  rows: readonly SegmentRow[],
): Promise<void> {
  const idle = [...checks];
  let failure: { readonly error: unknown } | null = null;
  await forEach(rows, checks.length, async (row) => {
    const check = idle.pop();
    if (failure !== null || check === undefined) {
      return;
    }
    try {
      await checkRow(verification, check, row);
    } catch (error) {
      failure ??= { error };
    } finally {
      idle.push(check);
    }
  });
  if (failure !== null) {
    throw (failure as { readonly error: unknown }).error;
  }
}

async function checkRow(verification: Verification, check: SegmentCheck, row: SegmentRow): Promise<void> {
  if (!isPackedKey(row.name)) {
    verification.found(unreadableName(row.name));
    return;
  }
  let read: SegmentRow | undefined = row;
  await verification.confirmed(async () => {
    // A second look sees what became of it.
    const current = read ?? (await check.rowOf(row.name));
    read = undefined;
    return check.findingsOf(current);
  });
  await verification.step();
}
