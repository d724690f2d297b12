import { setImmediate } from "node:timers/promises";
import { nextPlace } from "../domain/stores/next-place.ts";
import type { PagedRows, PagedTable, RowValue } from "../storage/metadata/row-reader.ts";
import type { Finding } from "./finding.ts";
import type { MirrorState } from "./open-mirror.ts";
import type { VerifiedPlace } from "./place.ts";

/** `quick` reads the footer of each segment, `deep` each byte too. */
export type Level = "quick" | "deep";

/** One of `count` parts of all segments. */
export interface Subset {
  readonly index: number;
  readonly count: number;
}

/** Counts of the things that were checked. */
export interface Totals {
  vaults: number;
  archives: number;
  segments: number;
  /** Segments that have to be restored before they can be read. */
  cold: number;
  bytes: number;
  auditEntries: number;
  findings: number;
}

/** Error thrown to end a verification whose time is over. */
export class TimeOverError extends Error {
  override readonly name = "TimeOverError";
}

/** The rows of a table that a check reads, in pages. */
export interface RowPages {
  readonly table: PagedTable;
  readonly columns: string;
  /** Joins of other tables. @default none */
  readonly join?: string;
  /** Which of the rows. @default all */
  readonly where?: string;
  readonly pageRows: number;
}

/** One run, as its checks see it. */
export class Verification {
  readonly totals: Totals = { vaults: 0, archives: 0, segments: 0, cold: 0, bytes: 0, auditEntries: 0, findings: 0 };
  readonly place: VerifiedPlace;
  readonly level: Level;
  readonly subset: Subset | null;
  readonly mirror: MirrorState;
  /** Null is the folder's own. */
  readonly sealingKeyFile: string | null;
  readonly #deadline: number;
  readonly #print: (finding: Finding) => void;

  constructor(
    place: VerifiedPlace,
    options: {
      readonly level: Level;
      readonly subset: Subset | null;
      readonly mirror: MirrorState;
      readonly sealingKeyFile: string | null;
      /** By `performance.now()`. */
      readonly deadline: number;
      readonly print: (finding: Finding) => void;
    },
  ) {
    this.place = place;
    this.level = options.level;
    this.subset = options.subset;
    this.mirror = options.mirror;
    this.sealingKeyFile = options.sealingKeyFile;
    this.#deadline = options.deadline;
    this.#print = options.print;
  }

  get rows(): PagedRows {
    return this.place.rows;
  }

  readonly found = (finding: Finding): void => {
    this.totals.findings += 1;
    this.#print(finding);
  };

  /**
   * Reports the findings of a look. With a running server, the first look may have seen a change half way: then a second look
   * decides.
   */
  async confirmed(look: () => readonly Finding[] | Promise<readonly Finding[]>): Promise<void> {
    let findings = await look();
    if (findings.length > 0 && this.place.isRunning) {
      findings = await look();
    }
    for (const finding of findings) {
      this.found(finding);
    }
  }

  /** Lets signals in between two steps. Throws TimeOverError. */
  async step(): Promise<void> {
    await setImmediate();
    if (performance.now() >= this.#deadline) {
      throw new TimeOverError();
    }
  }

  /** Yields the rows of a table, a page at a time. */
  async *pages<Row>(of: RowPages): AsyncGenerator<readonly Row[], void, void> {
    for (let after: RowValue | undefined = this.rows.placeIn(of.table).first; after !== undefined; ) {
      const rows = await this.#page<Row>(of, after);
      yield rows.filter(isChosen);
      after = lastPlace(rows, after);
      await this.step();
    }
  }

  /** Reports the findings of each row of a table: each page is one state of the database. */
  async eachRow<Row>(
    of: RowPages,
    findingsOf: (row: Row) => readonly Finding[] | Promise<readonly Finding[]>,
    onPage: (rowCount: number) => void = () => undefined,
  ): Promise<void> {
    for (let after: RowValue | undefined = this.rows.placeIn(of.table).first; after !== undefined; ) {
      const from: RowValue = after;
      const { rows, findings } = await this.rows.snapshot(async () => {
        const page = await this.#page<Row>(of, from);
        const found: Finding[] = [];
        for (const row of page.filter(isChosen)) {
          found.push(...(await findingsOf(row)));
        }
        return { rows: page, findings: found };
      });
      for (const finding of findings) {
        this.found(finding);
      }
      onPage(rows.filter(isChosen).length);
      after = lastPlace(rows, from);
      await this.step();
    }
  }

  /** Reads a page of all rows, whichever are chosen of them: a statement that passes over many would take too long. */
  async #page<Row>(
    { table, columns, join = "", where = "true", pageRows }: RowPages,
    after: RowValue,
  ): Promise<Placed<Row>[]> {
    const { column } = this.rows.placeIn(table);
    const rows = await this.rows.select(
      `SELECT ${column} AS place, CASE WHEN ${where} THEN 1 ELSE 0 END AS chosen, ${columns} FROM ${table} ${join}
       WHERE ${column} > $1 ORDER BY ${column} LIMIT ${pageRows}`,
      [after],
    );
    return rows as unknown as Placed<Row>[];
  }
}

type Placed<Row> = Row & { readonly place: RowValue; readonly chosen: number };

const isChosen = ({ chosen }: Placed<unknown>): boolean => chosen === 1;

/** Undefined after the last page. */
function lastPlace(rows: readonly Placed<unknown>[], after: RowValue): RowValue | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : nextPlace(after, last.place);
}
