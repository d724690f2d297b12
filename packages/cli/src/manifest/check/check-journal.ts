import { hash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** The manifest that a check is of. */
export interface CheckedManifest {
  readonly target: string;
  readonly sha256: string;
}

/** A location of the manifest, as far as it was checked. */
export interface LocationState {
  /** The number of the last entry of the location; earlier ones were replaced by it. */
  readonly entry: number;
  /** The size in this run's list; null if the location is not in it. */
  readonly listedBytes: number | null;
  readonly isSound: boolean;
}

interface Row {
  readonly entry: number;
  readonly run: number;
  readonly size: number;
  readonly sound: number;
}

const format = 1;

/**
 * Remembers which copies were found sound, so that an interrupted check is resumed. A row has some 40 bytes: the key is a hash of the
 * location.
 */
export class CheckJournal implements Disposable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #run: number;
  readonly #get: StatementSync;
  readonly #put: StatementSync;

  private constructor(path: string, database: DatabaseSync, run: number) {
    this.#path = path;
    this.#database = database;
    this.#run = run;
    this.#get = database.prepare("select entry, run, size, sound from locations where key = ?");
    this.#put = database.prepare(
      "insert or replace into locations (key, entry, run, size, sound) values (?, ?, ?, ?, ?)",
    );
  }

  /** Opens the journal of a check. One of another manifest starts again, as does a damaged one. */
  static open(path: string, manifest: CheckedManifest): CheckJournal {
    const identity = JSON.stringify({ format, ...manifest });
    const found = reopen(path, identity);
    if (found !== null) {
      return new CheckJournal(path, found.database, found.run);
    }
    removeFiles(path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return new CheckJournal(path, create(path, identity), 1);
  }

  /** Whether an earlier run has recorded all entries of the manifest. */
  get isRecorded(): boolean {
    return this.#valueOf("recorded") !== null;
  }

  /** Records the location of each entry. */
  record(entries: readonly { readonly entry: number; readonly location: string }[]): void {
    this.#change(() => {
      for (const { entry, location } of entries) {
        this.#put.run(keyOf(location), entry, 0, 0, 0);
      }
    });
  }

  setRecorded(): void {
    this.#setValue("recorded", "yes");
  }

  /** Notes what the target lists, and returns the locations that the manifest lacks. */
  list<Listed extends { readonly location: string; readonly sizeBytes: number }>(listed: readonly Listed[]): Listed[] {
    return this.#change(() =>
      listed.filter(({ location, sizeBytes }) => {
        const key = keyOf(location);
        const row = this.#row(key);
        if (row !== null) {
          this.#put.run(key, row.entry, this.#run, sizeBytes, row.sound);
        }
        return row === null;
      }),
    );
  }

  /** Null for a location that was not recorded. */
  stateOf(location: string): LocationState | null {
    const row = this.#row(keyOf(location));
    return row && { entry: row.entry, listedBytes: row.run === this.#run ? row.size : null, isSound: row.sound === 1 };
  }

  setSound(locations: readonly string[]): void {
    this.#change(() => {
      for (const location of locations) {
        const key = keyOf(location);
        const row = this.#row(key);
        if (row !== null) {
          this.#put.run(key, row.entry, row.run, row.size, 1);
        }
      }
    });
  }

  /** Removes the journal of a check that is complete: the next one reads everything again. */
  discard(): void {
    this.#database.close();
    removeFiles(this.#path);
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) {
      this.#database.close();
    }
  }

  #row(key: Buffer): Row | null {
    return (this.#get.get(key) as Row | undefined) ?? null;
  }

  #change<Value>(work: () => Value): Value {
    this.#database.exec("begin");
    try {
      const value = work();
      this.#database.exec("commit");
      return value;
    } catch (error) {
      this.#database.exec("rollback");
      throw error;
    }
  }

  #valueOf(name: string): string | null {
    return factOf(this.#database, name);
  }

  #setValue(name: string, value: string): void {
    setFact(this.#database, name, value);
  }
}

const keyOf = (location: string): Buffer => hash("sha256", location, "buffer").subarray(0, 16);

function reopen(path: string, identity: string): { database: DatabaseSync; run: number } | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path);
    database.exec(settings);
    if (factOf(database, "identity") === identity) {
      const run = Number(factOf(database, "run")) + 1;
      setFact(database, "run", String(run));
      return { database, run };
    }
  } catch {
    // A new file has no tables; a damaged one is worth no more than the time of a check.
  }
  if (database?.isOpen) {
    database.close();
  }
  return null;
}

const settings = "pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 1000";

function create(path: string, identity: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`${settings};
    create table facts (name text primary key, value text not null) without rowid;
    create table locations (
      key blob primary key, entry integer not null, run integer not null, size integer not null, sound integer not null
    ) without rowid`);
  setFact(database, "identity", identity);
  setFact(database, "run", "1");
  return database;
}

function factOf(database: DatabaseSync, name: string): string | null {
  const row = database.prepare("select value from facts where name = ?").get(name);
  return (row as { value: string } | undefined)?.value ?? null;
}

function setFact(database: DatabaseSync, name: string, value: string): void {
  database.prepare("insert or replace into facts (name, value) values (?, ?)").run(name, value);
}

function removeFiles(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(`${path}${suffix}`, { force: true });
  }
}
