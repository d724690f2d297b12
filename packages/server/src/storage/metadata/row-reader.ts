import type { BoundMetadata } from "../bucket-binding.ts";

/** Reads rows of metadata as they are, and changes none. */
export interface RowReader extends BoundMetadata {
  /** @param sql whose parameters are `$1`, `$2` and so on, in the order of `values`. */
  select(sql: string, values: readonly RowValue[]): Promise<Readonly<Record<string, unknown>>[]>;
}

export type RowValue = string | number | Uint8Array;

/** Reads tables in pages: each is one state of the database, and memory is needed for one page. */
export interface PagedRows extends Pick<RowReader, "select"> {
  placeIn(table: PagedTable): RowPlace;
  /** Reads one state of the database. Keep it short. `read` may be called again, after a connection was lost. */
  snapshot<Result>(read: () => Promise<Result>): Promise<Result>;
}

/** The order of a table's rows, in which pages follow each other. */
export interface RowPlace {
  /** Name of the column, after that of its table. */
  readonly column: string;
  /** Lies before all values of the column. */
  readonly first: RowValue;
}

const textKey = { key: "id", first: "" } as const;
const blobKey = (key: string) => ({ key, first: new Uint8Array() });

/** Tables that are read in pages, with their primary keys. */
export const pagedTables = {
  access_keys: textKey,
  archives: blobKey("id_head"),
  jobs: textKey,
  scrub_queue: { key: "sequence", first: Number.MIN_SAFE_INTEGER },
  upload_requests: blobKey("key"),
  uploads: textKey,
  vaults: textKey,
} as const satisfies Readonly<Record<string, { readonly key: string; readonly first: RowValue }>>;

export type PagedTable = keyof typeof pagedTables;

export function keyPlace(table: PagedTable): RowPlace {
  const { key, first } = pagedTables[table];
  return { column: `${table}.${key}`, first };
}
