import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { InventoryReader } from "@moraine/client/node";

export interface ListedArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}

const pageSize = 500;

/** The archives of a vault's inventory, in a temporary file, since there may be ten million. */
export class InventoryIndex implements Disposable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** The date of the inventory; null if it does not say. */
  readonly date: Date | null;

  private constructor(path: string, database: DatabaseSync, date: Date | null) {
    this.#path = path;
    this.#database = database;
    this.date = date;
  }

  static async build(path: string, inventory: InventoryReader): Promise<InventoryIndex> {
    removeFiles(path);
    const database = new DatabaseSync(path);
    try {
      database.exec(
        "pragma journal_mode = off; pragma synchronous = off; create table archives (id text primary key, size integer not null, tree text not null) without rowid",
      );
      const insert = database.prepare("insert or replace into archives (id, size, tree) values (?, ?, ?)");
      for await (const batch of inventory) {
        for (let start = 0; start < batch.length; start += pageSize) {
          database.exec("begin");
          for (const { archiveId, sizeBytes, treeHash } of batch.slice(start, start + pageSize)) {
            insert.run(archiveId, sizeBytes, treeHash);
          }
          database.exec("commit");
        }
      }
      return new InventoryIndex(path, database, inventory.inventoryDate);
    } catch (error) {
      database.close();
      removeFiles(path);
      throw error;
    }
  }

  get(archiveId: string): ListedArchive | null {
    const query = "select id as archiveId, size as sizeBytes, tree as treeHash from archives where id = ?";
    return (this.#database.prepare(query).get(archiveId) as ListedArchive | undefined) ?? null;
  }

  *all(): Generator<ListedArchive, void, void> {
    const query = this.#database.prepare(
      "select id as archiveId, size as sizeBytes, tree as treeHash from archives where id > ? order by id limit ?",
    );
    for (let last = ""; ; ) {
      const page = query.all(last, pageSize) as unknown as ListedArchive[];
      yield* page;
      if (page.length < pageSize) {
        return;
      }
      last = page.at(-1)?.archiveId ?? "";
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
    removeFiles(this.#path);
  }
}

function removeFiles(path: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) {
    rmSync(`${path}${suffix}`, { force: true });
  }
}
