import { constants } from "node:fs";
import { type Disk, isFull } from "./disk.ts";
import type { SyncHealth } from "./sync-health.ts";

/** The syncs of one folder: never two at once, and at most one waiting. */
interface Line {
  /** The sync that has not started yet: it serves all callers until then. */
  waiting: Promise<void> | null;
  /** Resolves when the newest sync has ended, whatever became of it. */
  ended: Promise<void>;
}

/**
 * Syncs folders for many callers at once. A sync serves every change made before it began; so while one runs, all
 * who come share the next.
 */
export class FolderSyncs {
  readonly #disk: Pick<Disk, "open">;
  readonly #health: SyncHealth;
  readonly #lines = new Map<string, Line>();
  /** After a failed sync the kernel may call the lost pages clean, so that a second try would succeed for nothing. */
  readonly #failures = new Map<string, unknown>();

  constructor(disk: Pick<Disk, "open">, health: SyncHealth) {
    this.#disk = disk;
    this.#health = health;
  }

  /** Resolves when all that was linked into or unlinked from the folder before this call is durable. */
  sync(folder: string): Promise<void> {
    const line = this.#lines.get(folder) ?? { waiting: null, ended: Promise.resolve() };
    this.#lines.set(folder, line);
    line.waiting ??= this.#queue(folder, line);
    return line.waiting;
  }

  #queue(folder: string, line: Line): Promise<void> {
    const sync = line.ended.then(() => {
      line.waiting = null;
      return this.#syncNow(folder);
    });
    const ended = sync.then(ignore, ignore).then(() => {
      if (line.ended === ended) {
        this.#lines.delete(folder);
      }
    });
    line.ended = ended;
    return sync;
  }

  async #syncNow(folder: string): Promise<void> {
    if (this.#failures.has(folder)) {
      throw new Error(`A sync of ${folder} failed before`, { cause: this.#failures.get(folder) });
    }
    const handle = await this.#disk.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await this.#health.watch(() => handle.sync());
    } catch (error) {
      // A full disk has kept the pages, so that room makes a second try honest.
      if (!isFull(error)) {
        this.#failures.set(folder, error);
      }
      throw error;
    } finally {
      await handle.close();
    }
  }
}

function ignore(): void {}
