import { type ArchiveId, encodeInventoryMarker, type InventoryWriter, inventoryWriters } from "@moraine/protocol";
import { type InventoryBounds, inventoryBounds } from "../domain/jobs/inventory.ts";
import type { InventoryRetrievalJob } from "../domain/jobs/job.ts";
import type { InventoryRows, Position } from "../domain/stores/metadata-store.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import { arnOf, type InventorySnapshot, type Vault } from "../domain/vaults/vault.ts";
import { receiveSegment } from "../segments/receive.ts";
import type { JobServices, Outcome } from "./context.ts";
import { ListedArchives } from "./listed-archives.ts";

/** A page exists several times over: as rows, as a message between threads, as objects and as text. */
const pageRows = 100;
/** One block is filled while another is written: rows are read more slowly than a disk writes. */
const blocksInFlightMax = 2;
/** Ids, hashes, digits and names of fields, and a description in which each character is escaped. */
const itemSizeBytesMax = 512 + 2 * 1024;
const headSizeBytesMax = 1024;
/** The longest UTF-8 of one UTF-16 code unit. */
const unitSizeBytesMax = 3;
const succeeded = { state: "succeeded", statusMessage: "Succeeded" } as const;

/**
 * Writes the inventory as a stored document, once, so that every range of it is stable. It is read and written page by
 * page: a vault of any size needs the same memory.
 */
export async function retrieveInventory(
  services: JobServices,
  job: InventoryRetrievalJob,
  fence: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const vault = await inventoriedVault(services, job.vaultId);
  if (vault?.inventory == null) {
    return { state: "failed", statusMessage: "The vault was deleted" };
  }
  const snapshot = vault.inventory;
  const document = new InventoryDocument(services.metadata, job, vault, snapshot, signal);
  const ended = await receiveSegment(services, {
    kind: "inventory",
    ownerId: job.id,
    vaultArn: arnOf(vault),
    description: "",
    firstByte: 0,
    sizeBytes: headSizeBytesMax + document.itemsMax * itemSizeBytesMax,
    sizeBytesMin: 0,
    body: document.bytes(),
    blocksInFlightMax,
    check: () => undefined,
    async record(segment) {
      const { key: segmentKey, sizeBytes } = segment;
      const output = { segment, document: { segmentKey, sizeBytes, nextMarker: document.nextMarker } };
      const now = services.clock.now();
      const won = await services.metadata.finishJob({ jobId: job.id, fence, ...succeeded, now, output });
      if (!won) {
        await services.metadata.abandonSegment(segment);
      }
      return won;
    },
  });
  return { ...succeeded, ended };
}

/** `practical` lists the vault as it is; `aws` as of its last inventory, about a day old (docs/wire.md#inventories). */
async function inventoriedVault({ metadata, profile, clock }: JobServices, vaultId: string): Promise<Vault | null> {
  const vault = await metadata.findVaultById(vaultId);
  const current = vault === null || (profile === "aws" && vault.inventory !== null);
  return current ? vault : metadata.takeInventory({ vaultId, now: clock.now() });
}

class InventoryDocument {
  /** Known once `bytes` has ended. */
  nextMarker: string | null = null;
  readonly #metadata: UnrecordedMetadata;
  readonly #writer: InventoryWriter;
  readonly #vault: Vault;
  readonly #snapshot: InventorySnapshot;
  readonly #bounds: InventoryBounds;
  readonly #listed = new ListedArchives();
  readonly #signal: AbortSignal;
  #bytes = Buffer.alloc(0);

  /** The most archives that it can list. */
  get itemsMax(): number {
    return Math.min(this.#bounds.itemsMax ?? Number.POSITIVE_INFINITY, this.#snapshot.archiveCount);
  }

  constructor(
    metadata: UnrecordedMetadata,
    job: InventoryRetrievalJob,
    vault: Vault,
    snapshot: InventorySnapshot,
    signal: AbortSignal,
  ) {
    this.#metadata = metadata;
    this.#writer = inventoryWriters[job.format];
    this.#vault = vault;
    this.#snapshot = snapshot;
    this.#bounds = inventoryBounds(job.selection);
    this.#signal = signal;
  }

  /** Whether it lists all of the vault. */
  get #isWhole(): boolean {
    const { itemsMax, after, createdFrom, createdBefore } = this.#bounds;
    return itemsMax === null && after === null && createdFrom === null && createdBefore === null;
  }

  async *bytes(): AsyncGenerator<Buffer, void, void> {
    const { itemsMax, after: start } = this.#bounds;
    let left = itemsMax ?? Number.POSITIVE_INFINITY;
    let after = start;
    let isFirst = true;
    yield Buffer.from(this.#writer.head(arnOf(this.#vault), new Date(this.#snapshot.takenAt)));
    while (left > 0) {
      const { archives: page, sum } = await this.#page(after, Math.min(left, pageRows));
      const last = page.at(-1);
      if (last === undefined) {
        break;
      }
      this.#listed.add(page, sum);
      yield this.#write(page, isFirst);
      after = last;
      left -= page.length;
      isFirst = false;
    }
    if (this.#isWhole) {
      this.#listed.assertAll(this.#vault, this.#snapshot);
    }
    yield Buffer.from(this.#writer.tail());
    this.nextMarker = await this.#markerFor(after, left);
  }

  async #page(after: Position | null, limit: number): Promise<InventoryRows> {
    this.#signal.throwIfAborted();
    const { createdFrom, createdBefore } = this.#bounds;
    const { revision } = this.#snapshot;
    return this.#metadata.inventoryPage({
      vaultId: this.#vault.id,
      revision,
      after,
      createdFrom,
      createdBefore,
      limit,
    });
  }

  #write(page: readonly Archive[], isFirst: boolean): Buffer {
    const items = page.map((archive, index) => {
      const { id: archiveId, description: archiveDescription, createdAt, sizeBytes, treeHash } = archive;
      const item = { archiveId, archiveDescription, creationDate: new Date(createdAt), sizeBytes, treeHash };
      return this.#writer.item(item, isFirst && index === 0);
    });
    return this.#encode(items.join(""));
  }

  /** The text as UTF-8, until the next call: with memory of their own, pages would wait in it for a garbage collection. */
  #encode(text: string): Buffer {
    const sizeBytesMax = text.length * unitSizeBytesMax;
    if (this.#bytes.length < sizeBytesMax) {
      this.#bytes = Buffer.allocUnsafeSlow(sizeBytesMax);
    }
    return this.#bytes.subarray(0, this.#bytes.write(text));
  }

  /** Only a list that was cut off by its limit has a next page, and only if anything is left for it. */
  async #markerFor(last: Position | null, left: number): Promise<string | null> {
    if (left > 0 || last === null || (await this.#page(last, 1)).archives.length === 0) {
      return null;
    }
    return encodeInventoryMarker({ createdAt: last.createdAt, archiveId: last.id as ArchiveId });
  }
}
