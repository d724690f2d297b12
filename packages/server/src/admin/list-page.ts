import { type AdminPageInput, adminLimits, errors } from "@moraine/protocol";

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null when no more follow. */
  readonly marker: string | null;
}

/**
 * One page of a list that continues after the last row of the one before. Markers are opaque to clients: what `nameOf` gives,
 * in base64url.
 * @param list rows after the name that a marker holds (all, if null), at most `limit`.
 */
export async function pageOf<Row>(
  { limit = adminLimits.pageMax, marker }: AdminPageInput,
  nameOf: (row: Row) => string,
  list: (after: string | null, limit: number) => Promise<readonly Row[]>,
): Promise<Page<Row>> {
  const most = Math.min(limit, adminLimits.pageMax);
  const found = await list(readMarker(marker), most + 1);
  const rows = found.slice(0, most);
  const last = rows.at(-1);
  return { rows, marker: found.length > most && last !== undefined ? writeMarker(nameOf(last)) : null };
}

export const writeMarker = (name: string): string => Buffer.from(name).toString("base64url");

export function readMarker(marker: string | undefined): string | null {
  if (marker === undefined || marker === "") {
    return null;
  }
  const name = Buffer.from(marker, "base64url").toString();
  if (writeMarker(name) !== marker) {
    throw errors.invalidMarker(marker);
  }
  return name;
}
