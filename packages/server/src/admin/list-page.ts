import { type AdminPageInput, adminLimits } from "@moraine/protocol";
import { type Page, pageLimit, pageOf, readMarker } from "../domain/page.ts";

/** Names the rows of a list. Markers are such names in base64url, opaque to clients. */
export interface RowNames<Row, Place> {
  nameOf(row: Row): string;
  /** Undefined for a text that names no row. */
  placeOf(name: string): Place | undefined;
}

/**
 * One page of a list that continues after the last row of the one before.
 * @param list rows after the place that a marker names (all, if null), at most `limit`.
 */
export async function adminPage<Row, Place>(
  { limit, marker }: AdminPageInput,
  { nameOf, placeOf }: RowNames<Row, Place>,
  list: (after: Place | null, limit: number) => Promise<readonly Row[]>,
): Promise<Page<Row>> {
  const after = readNameMarker(marker, placeOf);
  return pageOf(
    pageLimit(limit, adminLimits.pageMax),
    (most) => list(after, most),
    (last) => writeNameMarker(nameOf(last)),
  );
}

/** Rows that a list has in the order of their names. */
export const byName = <Row>(nameOf: (row: Row) => string): RowNames<Row, string> => ({
  nameOf,
  placeOf: (name) => name,
});

/** Rows in the order of their creation, and then of their ids. */
export function byCreation<Row extends { readonly createdAt: number }>(
  idOf: (row: Row) => string,
  idPattern: RegExp,
): RowNames<Row, { readonly createdAt: number; readonly id: string }> {
  const pattern = new RegExp(`^([0-9]{1,15}) (${idPattern.source})$`);
  return {
    nameOf: (row) => `${row.createdAt} ${idOf(row)}`,
    placeOf(name) {
      const [, createdAt, id] = pattern.exec(name) ?? [];
      return createdAt === undefined || id === undefined ? undefined : { createdAt: Number(createdAt), id };
    },
  };
}

export const writeNameMarker = (name: string): string => Buffer.from(name).toString("base64url");

export function readNameMarker<Place>(
  marker: string | undefined,
  placeOf: (name: string) => Place | undefined,
): Place | null {
  return readMarker(marker, (text) => {
    const name = Buffer.from(text, "base64url").toString();
    return writeNameMarker(name) === text ? placeOf(name) : undefined;
  });
}
