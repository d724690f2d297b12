import assert from "node:assert/strict";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { flipBit } from "../../../../packages/server/test/support/flip-bit.ts";
import type { Random } from "../../random.ts";
import type { Kind } from "../seeded-damages.ts";

// Damages of the database's file, its log, and the files next to it.

export const kindsOfDatabase: readonly Kind[] = [
  {
    name: "entries that an index lacks",
    folder: "stopped",
    async damage(path, random) {
      const name = leaveBehind(join(path, "moraine.db"), random);
      return { what: name, named: { code: "database-damaged" } };
    },
  },
  {
    name: "a page of the database with zeros",
    folder: "stopped",
    async damage(path, random) {
      const file = join(path, "moraine.db");
      const bytes = await readFile(file);
      const { page, pageBytes } = pageInUse(bytes, random);
      bytes.fill(0, (page - 1) * pageBytes, page * pageBytes);
      await writeFile(file, bytes);
      return { what: `page ${page}`, named: {} };
    },
  },
  {
    name: "a page of the database in another's place",
    folder: "stopped",
    async damage(path, random) {
      const file = join(path, "moraine.db");
      const bytes = await readFile(file);
      const { page: from, pageBytes } = pageInUse(bytes, random);
      const source = bytes.subarray((from - 1) * pageBytes, from * pageBytes);
      const queue = rootOf(file, "scrub_queue");
      const isOther = (page: number) => {
        const other = bytes.subarray((page - 1) * pageBytes, page * pageBytes);
        // Pages without rows are alike, whatever they are of. An empty queue is a sound one: what was in it is read with its range.
        return !other.equals(source) && !(hasNoCells(source) && (hasNoCells(other) || page === queue));
      };
      const { page: to } = pageInUse(bytes, random, isOther);
      source.copy(bytes, (to - 1) * pageBytes);
      await writeFile(file, bytes);
      return { what: `page ${from} at page ${to}`, named: {} };
    },
  },
  {
    name: "a shorter database",
    folder: "stopped",
    async damage(path, random) {
      const file = join(path, "moraine.db");
      const length = random.whole(0, (await stat(file)).size - 1);
      await truncate(file, length);
      return { what: `${length} bytes`, named: {} };
    },
  },
  {
    name: "a bit of the log",
    folder: "killed",
    async damage(path, random) {
      const file = join(path, "moraine.db-wal");
      // Transactions follow the first half; a power cut may damage the last one alone.
      const position = random.whole(0, Math.floor((await stat(file)).size / 2));
      await flipBit(file, position, random.whole(0, 7));
      return { what: `byte ${position}`, named: { code: "log-damaged", file: "moraine.db-wal" } };
    },
  },
  {
    name: "an empty log",
    folder: "killed",
    async damage(path) {
      await truncate(join(path, "moraine.db-wal"));
      return { what: "", named: { code: "log-lost", file: "moraine.db-wal" } };
    },
  },
  {
    name: "a bit of secrets.key",
    folder: "stopped",
    async damage(path, random) {
      const position = random.whole(0, 31);
      await flipBit(join(path, "secrets.key"), position, random.whole(0, 7));
      return { what: `byte ${position}`, named: { code: "secrets", file: "secrets.key" } };
    },
  },
  {
    name: "a shorter history.json",
    folder: "stopped",
    async damage(path, random) {
      const file = join(path, "history.json");
      const length = random.whole(0, (await stat(file)).size - 3);
      await truncate(file, length);
      return { what: `${length} bytes`, named: { code: "history-broken", file: "history.json" } };
    },
  },
];

/** Indices of tables that have rows, in which a row is found by its number. */
const indices = ["archives_by_id", "archives_listed", "segments_by_name", "segments_by_place", "vaults_by_name"];

/** Gives a row another number while the schema hides an index of its table, so that the index keeps the earlier number. */
function leaveBehind(file: string, random: Random): string {
  const name = random.oneOf(indices) ?? "";
  const hiding = new DatabaseSync(file, { defensive: false });
  const index = hiding.prepare("SELECT * FROM sqlite_schema WHERE type = 'index' AND name = ?").get(name);
  assert.ok(index, name);
  hiding.exec("PRAGMA writable_schema = ON");
  hiding.prepare("DELETE FROM sqlite_schema WHERE name = ?").run(name);
  hiding.close();
  const table = String(index["tbl_name"]);
  const changing = new DatabaseSync(file, { defensive: false });
  changing.exec("PRAGMA foreign_keys = OFF");
  const count = Number(changing.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"]);
  const one = `(SELECT rowid FROM ${table} ORDER BY rowid LIMIT 1 OFFSET ${random.whole(0, count - 1)})`;
  assert.equal(changing.prepare(`UPDATE ${table} SET rowid = rowid + 1000 WHERE rowid = ${one}`).run().changes, 1);
  changing.exec("PRAGMA writable_schema = ON");
  changing
    .prepare("INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)")
    .run(name, table, Number(index["rootpage"]), String(index["sql"]));
  changing.close();
  return name;
}

function rootOf(file: string, table: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const row = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table);
  database.close();
  return Number(row?.["rootpage"]);
}

/** A page of a tree begins with its kind, two bytes for the free space, and the number of its cells. */
const hasNoCells = (page: Buffer): boolean => page.readUInt16BE(3) === 0;

/** Any page but free ones, whose bytes mean nothing. */
function pageInUse(
  bytes: Buffer,
  random: Random,
  isWanted = (_page: number) => true,
): { readonly page: number; readonly pageBytes: number } {
  const pageBytes = bytes.readUInt16BE(16);
  const free = new Set<number>();
  for (let trunk = bytes.readUInt32BE(32); trunk !== 0; trunk = bytes.readUInt32BE((trunk - 1) * pageBytes)) {
    const start = (trunk - 1) * pageBytes;
    free.add(trunk);
    for (let leaf = 0; leaf < bytes.readUInt32BE(start + 4); leaf += 1) {
      free.add(bytes.readUInt32BE(start + 8 + leaf * 4));
    }
  }
  const pages = Array.from({ length: bytes.length / pageBytes }, (_, index) => index + 1);
  return { page: random.oneOf(pages.filter((page) => !free.has(page) && isWanted(page))) ?? 1, pageBytes };
}
