import { chmodSync, statSync } from "node:fs";
import { ArchiveTable } from "./archives/archive-table.ts";
import { CatalogDatabase } from "./catalog-database.ts";
import { CatalogError } from "./catalog-error.ts";
import { assertVersion, readPragma } from "./catalog-version.ts";
import { FactTable } from "./fact-table.ts";
import { migrate } from "./migrations.ts";
import { archiveIndexes, tables } from "./schema.ts";
import { CopyTable } from "./tables/copy-table.ts";
import { CostTable } from "./tables/cost-table.ts";
import { JobTable } from "./tables/job-table.ts";
import { PendingRequests } from "./tables/pending-requests.ts";
import { UnpaidTransfers } from "./tables/unpaid-transfers.ts";
import { UploadTable } from "./tables/upload-table.ts";

/** The vault of a catalogue. */
export interface VaultIdentity {
  /** The service's URL. */
  readonly endpoint: string;
  readonly region: string;
  /** Twelve digits, or "-" for the account of the credentials. */
  readonly accountId: string;
  readonly vaultName: string;
}

/**
 * The local record of a vault's archives, of jobs and of copies. The service is the truth about archives and jobs, and a manifest about
 * copies: a lost catalogue costs the time to make it again, and nothing else.
 *
 * Several processes may use it at once: each change is a short transaction. Throws CatalogError.
 */
export class Catalog implements Disposable {
  readonly path: string;
  readonly vault: VaultIdentity;
  readonly archives: ArchiveTable;
  readonly jobs: JobTable;
  readonly requests: PendingRequests;
  readonly unpaid: UnpaidTransfers;
  readonly copies: CopyTable;
  readonly costs: CostTable;
  readonly uploads: UploadTable;
  readonly facts: FactTable;
  readonly #database: CatalogDatabase;
  readonly #inode: number;

  /**
   * Opens the catalogue of a vault, or creates it in a folder that exists, unless it has to be there.
   *
   * @param settings `forImport` opens also one whose import was interrupted, which no other work can use.
   */
  static open(path: string, vault: VaultIdentity, { forImport = false, mayCreate = true } = {}): Catalog {
    const database = new CatalogDatabase(path, { mayCreate });
    try {
      prepare(database);
      const catalog = new Catalog(database, vault);
      assertIsOf(vault, catalog);
      if (!forImport) {
        catalog.assertImported();
      }
      return catalog;
    } catch (error) {
      database[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(database: CatalogDatabase, vault: VaultIdentity) {
    this.path = database.path;
    this.vault = vault;
    this.#database = database;
    this.#inode = statSync(database.path).ino;
    this.archives = new ArchiveTable(database);
    this.jobs = new JobTable(database);
    this.requests = new PendingRequests(database);
    this.unpaid = new UnpaidTransfers(database);
    this.copies = new CopyTable(database);
    this.costs = new CostTable(database);
    this.uploads = new UploadTable(database);
    this.facts = new FactTable(database);
  }

  /** Throws CatalogError if another file has taken the place of the one that was opened, and would not have the changes of this process. */
  assertInPlace(): void {
    if (statSync(this.path, { throwIfNoEntry: false })?.ino !== this.#inode) {
      throw new CatalogError(`Another catalogue was put in the place of ${this.path} meanwhile: run the command again`);
    }
  }

  /** Throws CatalogError while an import lacks its end: archives may be there twice, and cannot be found. */
  assertImported(): void {
    if (this.facts.get("unindexed") !== null) {
      throw new CatalogError(
        `An import into the catalogue ${this.path} has not ended: wait for it, or run moraine catalog import again`,
      );
    }
  }

  /** Makes each change durable before it returns, at the cost of a sync; else a power cut may lose those of the last moments. */
  syncEachChange(): void {
    this.#database.exec("PRAGMA synchronous = FULL");
  }

  /** Runs several changes as one transaction: all of them last, or none. Keep it short, since other processes wait for it. */
  change<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }
}

/** Creates the tables of a new file, migrates one of an earlier version, and refuses a file that is none of this version then. */
function prepare(database: CatalogDatabase): void {
  const isNew = readPragma(database, "application_id") === 0 && !hasTables(database);
  if (isNew) {
    // Descriptions and paths are private.
    chmodSync(database.path, 0o600);
    database.exec("PRAGMA journal_mode = WAL");
  }
  // Building indexes makes the log large, and it would stay so.
  database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864");
  if (isNew) {
    database.transaction(() => {
      // Another process may have been first.
      if (!hasTables(database)) {
        database.exec(tables);
        database.exec(Object.values(archiveIndexes).join(";"));
      }
    });
  }
  migrate(database);
  assertVersion(database);
}

function assertIsOf(vault: VaultIdentity, { path, facts }: Catalog): void {
  const recorded = facts.get("vault");
  if (recorded === null) {
    facts.set("vault", JSON.stringify(vault));
    return;
  }
  const known = JSON.parse(recorded) as VaultIdentity;
  const isSameAccount = known.accountId === vault.accountId || known.accountId === "-" || vault.accountId === "-";
  const isSame =
    known.vaultName === vault.vaultName && known.endpoint === vault.endpoint && known.region === vault.region;
  if (!isSame || !isSameAccount) {
    throw new CatalogError(
      `${path} is the catalogue of ${inWords(known)}, not of ${inWords(vault)}: name another file with --catalog`,
    );
  }
}

const inWords = ({ vaultName, endpoint, region, accountId }: VaultIdentity) =>
  `vault ${vaultName} at ${endpoint || "AWS"} (${[region, accountId === "-" ? "" : accountId].filter(Boolean).join(", ") || "its region"})`;

function hasTables(database: CatalogDatabase): boolean {
  return database.get("SELECT 1 FROM sqlite_schema LIMIT 1") !== undefined;
}
