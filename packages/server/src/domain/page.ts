import { errors } from "@moraine/protocol";

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The marker of the last row; null when no more follow. */
  readonly marker: string | null;
}

/** Lists one row more than the page has, to know whether more follow. */
export async function pageOf<Row>(
  limit: number,
  list: (limit: number) => Promise<readonly Row[]>,
  markerOf: (last: Row) => string,
): Promise<Page<Row>> {
  const found = await list(limit + 1);
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, marker: found.length > limit && last !== undefined ? markerOf(last) : null };
}

/** Lowers a limit above the maximum, without an error: docs/wire.md#pages-of-lists */
export function pageLimit(asked: number | undefined, most: number): number {
  return Math.min(asked ?? most, most);
}

/**
 * The place that a marker names; null for the start, which an empty marker means too.
 * @param parse undefined for a text that this service cannot have issued.
 */
export function readMarker<Place>(
  marker: string | undefined,
  parse: (marker: string) => Place | undefined,
): Place | null {
  if (marker === undefined || marker === "") {
    return null;
  }
  const place = parse(marker);
  if (place === undefined) {
    throw errors.invalidMarker(marker);
  }
  return place;
}
