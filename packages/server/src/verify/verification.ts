import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { nextPlace } from "../domain/stores/next-place.ts";
import type { Finding } from "./finding.ts";
import type { OpenedFolder } from "./open-folder.ts";
import type { MirrorState } from "./open-mirror.ts";

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
  bytes: number;
  auditEntries: number;
  findings: number;
}

/** Error thrown to end a verification whose time is over. */
export class TimeOverError extends Error {
  override readonly name = "TimeOverError";
}

/** One run, as its checks see it. */
export class Verification {
  readonly totals: Totals = { vaults: 0, archives: 0, segments: 0, bytes: 0, auditEntries: 0, findings: 0 };
  readonly folder: OpenedFolder;
  readonly level: Level;
  readonly subset: Subset | null;
  readonly mirror: MirrorState;
  /** Null is the folder's own. */
  readonly sealingKeyFile: string | null;
  readonly #deadline: number;
  readonly #print: (finding: Finding) => void;

  constructor(
    folder: OpenedFolder,
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
    this.folder = folder;
    this.level = options.level;
    this.subset = options.subset;
    this.mirror = options.mirror;
    this.sealingKeyFile = options.sealingKeyFile;
    this.#deadline = options.deadline;
    this.#print = options.print;
  }

  get database(): DatabaseSync {
    return this.folder.database;
  }

  get isRunning(): boolean {
    return this.folder.isRunning;
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
    if (findings.length > 0 && this.isRunning) {
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

  /**
   * Reports the findings of each row of a table, a page at a time: each page is one state of the database.
   * @param page selects a page of the rows whose row ids, called `at`, are greater than its parameter
   */
  async eachRow<Row extends { readonly at: number }>(
    page: StatementSync,
    findingsOf: (row: Row) => readonly Finding[] | Promise<readonly Finding[]>,
  ): Promise<void> {
    for (let after = Number.MIN_SAFE_INTEGER; ; ) {
      const findings: Finding[] = [];
      const last = await this.snapshot(async () => {
        const rows = page.all(after) as unknown as Row[];
        for (const row of rows) {
          findings.push(...(await findingsOf(row)));
        }
        return rows.at(-1);
      });
      for (const finding of findings) {
        this.found(finding);
      }
      if (last === undefined) {
        return;
      }
      after = nextPlace(after, last.at);
      await this.step();
    }
  }

  /** Reads one state of the database. Keep it short: a server cannot shrink its log meanwhile. */
  async snapshot<Result>(read: () => Promise<Result> | Result): Promise<Result> {
    this.database.exec("BEGIN");
    try {
      return await read();
    } finally {
      this.database.exec("ROLLBACK");
    }
  }
}
