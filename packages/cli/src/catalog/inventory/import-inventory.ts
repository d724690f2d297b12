import { setImmediate as nextTurn } from "node:timers/promises";
import type { InvalidEntry } from "@moraine/client/node";
import type { InventoryItem } from "@moraine/protocol";
import { isAwsEndpoint } from "../../context/service-facts.ts";
import { decodeName } from "../../names/decode-name.ts";
import type { NewArchive } from "../archives/archive-row.ts";
import type { Catalog } from "../catalog.ts";
import { ListedNumbers } from "./listed-numbers.ts";
import { assertIsOf, recordedInventory, recordInventory } from "./recorded-inventory.ts";

export interface ImportOptions {
  readonly signal: AbortSignal;
  /** The date of an inventory that does not have it, as in CSV. Without a date, no archive is judged to have vanished. */
  readonly listedAt?: Date | null;
  /** Called before the first change, which an inventory may be waited for during hours. A rejection ends the import. */
  readonly onStart?: () => Promise<void>;
  /** Called after each batch with the number of archives read. */
  readonly onProgress?: (archives: number) => void;
}

export interface ImportResult {
  /** Archives that the inventory lists. */
  readonly listed: number;
  readonly added: number;
  /** Archives that an earlier inventory has listed and this one does not. Null if that was not judged; `unjudged` says why. */
  readonly vanished: number | null;
  readonly unjudged: "no date" | "older than another" | "invalid entries" | null;
  readonly invalid: {
    readonly count: number;
    /** The first ten. */
    readonly first: readonly InvalidEntry[];
  };
  /** Archives whose descriptions have characters in the place of bytes that are not UTF-8. */
  readonly replaced: number;
  readonly listedAt: Date | null;
}

/**
 * Imports a vault's inventory, in JSON or CSV, from its bytes as they arrive; memory does not grow with it. The same inventory may be
 * imported again, after an interruption too. Throws InventoryFormatError for a document that is no inventory or is cut off: archives that it
 * listed until there are kept, and none vanishes. Throws CatalogError for the inventory of another vault.
 */
export async function importInventory(
  catalog: Catalog,
  bytes: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportResult> {
  const { InventoryReader } = await import("@moraine/client/node");
  const run = new ImportRun(catalog, options);
  const reader = new InventoryReader(inPieces(bytes), { onInvalid: (entry) => run.leaveOut(entry) });
  try {
    for await (const items of reader) {
      run.assertSameVault(reader.vaultArn);
      await run.add(items, reader.inventoryDate ?? options.listedAt ?? null);
    }
    run.assertSameVault(reader.vaultArn);
    await run.prepare();
    await run.flush();
  } finally {
    await run.close();
  }
  return run.end(reader.inventoryDate ?? options.listedAt ?? null, reader.vaultArn);
}

/** Bytes parsed at once. A download yields whole ranges, of up to 16 MiB and 40,000 archives. */
const pieceBytes = 64 * 1024;

async function* inPieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of bytes) {
    for (let start = 0; start < piece.length; start += pieceBytes) {
      yield piece.subarray(start, start + pieceBytes);
    }
  }
}

/** Archives of a transaction: some ten milliseconds. */
const batchSize = 1000;
const invalidShownMax = 10;

class ImportRun {
  readonly #catalog: Catalog;
  readonly #options: ImportOptions;
  readonly #listed = new ListedNumbers();
  readonly #firstInvalid: InvalidEntry[] = [];
  #waiting: NewArchive[] = [];
  #listedAt: Date | null = null;
  #isSameVault = false;
  #isPrepared = false;
  #invalidCount = 0;
  #listedCount = 0;
  #addedCount = 0;
  #replacedCount = 0;

  constructor(catalog: Catalog, options: ImportOptions) {
    this.#catalog = catalog;
    this.#options = options;
  }

  leaveOut(entry: InvalidEntry): void {
    this.#invalidCount += 1;
    if (this.#firstInvalid.length < invalidShownMax) {
      this.#firstInvalid.push(entry);
    }
  }

  /** Throws for the name of another vault, which a document has at its beginning or at its end. */
  assertSameVault(arn: string | null): void {
    if (arn !== null && !this.#isSameVault) {
      assertIsOf(arn, this.#catalog);
      this.#isSameVault = true;
    }
  }

  /** Only when the inventory is there, which may be waited for during hours. */
  async prepare(): Promise<void> {
    if (!this.#isPrepared) {
      await this.#options.onStart?.();
      await this.finish();
      this.#catalog.archives.bulk.start();
      this.#isPrepared = true;
    }
  }

  async add(items: readonly InventoryItem[], listedAt: Date | null): Promise<void> {
    await this.prepare();
    this.#listedAt = listedAt;
    for (const item of items) {
      const archive = this.#archiveOf(item);
      if (archive !== null) {
        this.#waiting.push(archive);
      }
    }
    if (this.#waiting.length >= batchSize) {
      await this.flush();
    }
  }

  /** Writes what is waiting. */
  async flush(): Promise<void> {
    this.#options.signal.throwIfAborted();
    const waiting = this.#waiting;
    this.#waiting = [];
    const { numbers, addedCount } = this.#catalog.archives.addInventory(waiting, this.#listedAt);
    for (const number of numbers) {
      this.#listed.add(number);
    }
    this.#listedCount += numbers.length;
    this.#addedCount += addedCount;
    this.#options.onProgress?.(this.#listedCount);
    await nextTurn();
  }

  /** Builds the indexes, which an interrupted import may lack as well. */
  async finish(): Promise<void> {
    const onJoined = (number: number) => {
      this.#addedCount -= 1;
      this.#listed.add(number);
    };
    await this.#catalog.archives.bulk.finish(this.#listedAt, onJoined, this.#options.signal);
  }

  /** Leaves a catalogue that others can use, after an error too. */
  async close(): Promise<void> {
    if (this.#isPrepared) {
      await this.finish();
    }
  }

  async end(listedAt: Date | null, vaultArn: string | null): Promise<ImportResult> {
    const unjudged = this.#unjudged(listedAt);
    const vanished =
      unjudged === null && listedAt !== null
        ? await this.#catalog.archives.markVanished({
            isListed: (number) => this.#listed.has(number),
            listedAt,
            isAws: isAwsEndpoint(this.#catalog.vault.endpoint),
          })
        : null;
    const known = recordedInventory(this.#catalog);
    if (known === null || (listedAt !== null && unjudged !== "older than another")) {
      const [listed, leftOut] = [this.#listedCount, this.#invalidCount];
      const inventory = {
        listedAt,
        listed,
        leftOut,
        vaultArn: vaultArn ?? known?.vaultArn ?? null,
      };
      recordInventory(this.#catalog, inventory);
    }
    return {
      listed: this.#listedCount,
      added: this.#addedCount,
      vanished,
      unjudged,
      invalid: { count: this.#invalidCount, first: this.#firstInvalid },
      replaced: this.#replacedCount,
      listedAt,
    };
  }

  #unjudged(listedAt: Date | null): ImportResult["unjudged"] {
    const newest = recordedInventory(this.#catalog)?.listedAt ?? null;
    if (newest !== null && listedAt !== null && listedAt < newest) {
      return "older than another";
    }
    return listedAt === null ? "no date" : this.#invalidCount > 0 ? "invalid entries" : null;
  }

  #archiveOf({ archiveId, archiveDescription, creationDate, sizeBytes, treeHash }: InventoryItem): NewArchive | null {
    if (!/^[\w-]{1,1024}$/.test(archiveId)) {
      this.leaveOut({
        text: archiveId.slice(0, 200),
        reason: "The id has other characters than letters, digits, - and _",
      });
      return null;
    }
    if (archiveDescription.includes("\ufffd")) {
      this.#replacedCount += 1;
    }
    const description = archiveDescription;
    const { path, format, modifiedAt } = decodeName(description);
    return { archiveId, sizeBytes, treeHash, description, createdAt: creationDate, path, format, modifiedAt };
  }
}
