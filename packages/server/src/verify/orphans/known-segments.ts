import type { SegmentState } from "../../domain/segment.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import type { RowReader } from "../../storage/metadata/row-reader.ts";
import { packKey } from "../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";

/** A segment's row, as far as it says which object there has to be. */
export interface KnownSegment {
  readonly name: Uint8Array;
  /** No blob's key, if the row is damaged. */
  readonly key: string;
  readonly state: SegmentState;
}

const pageRows = 500;
const columns = "select name, owner_head, owner_tail, state from segments";

/** Yields rows in the order of their names, from the one after `after` on and before `end`. */
export async function* segmentsBetween(
  rows: RowReader,
  after: Uint8Array,
  end: Uint8Array,
): AsyncGenerator<KnownSegment, void, void> {
  const sql = `${columns} where name > $1 and name < $2 and length(name) = 14 order by name limit ${pageRows}`;
  for (let last: Uint8Array | undefined = after; last !== undefined; ) {
    const page: KnownSegment[] = (await rows.select(sql, [last, end])).map(knownOf);
    yield* page;
    const ending = page.length < pageRows ? undefined : page.at(-1);
    last = ending === undefined ? undefined : nextPlace(last, ending.name);
  }
}

/** Null when there is no row of the key's name; its owner may be another than the key's. */
export async function findSegment(rows: RowReader, key: string): Promise<KnownSegment | null> {
  const [row] = await rows.select(`${columns} where name = $1`, [packKey(key)]);
  return row === undefined ? null : knownOf(row);
}

function knownOf(row: Readonly<Record<string, unknown>>): KnownSegment {
  const { name, state, ...owner } = row as unknown as SegmentRow;
  return { name, state, key: keyOf({ name, ...owner }) };
}
