import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type GlacierClient, readInventory, vaultContents } from "@moraine/client/node";
import { type CopyFacts, type CopyState, UncheckableError } from "../target.ts";
import { InventoryIndex } from "./inventory-index.ts";

interface Current {
  readonly index: InventoryIndex;
  /** Whether the inventory has all archives that were stored before it was requested. */
  readonly isCurrent: boolean;
}

/** Answers from a vault's inventory, which is read when it is needed, and again when an archive was stored since. */
export class VaultInventory implements AsyncDisposable {
  readonly #client: GlacierClient;
  readonly #vaultName: string;
  readonly #folder: string;
  #current: Promise<Current> | null = null;
  readonly #replaced: Promise<Current>[] = [];

  /** @param folder for temporary files; created when it is needed */
  constructor(client: GlacierClient, vaultName: string, folder: string) {
    this.#client = client;
    this.#vaultName = vaultName;
    this.#folder = folder;
  }

  /** Notes that an archive was stored, which a later inventory has. */
  outdate(): void {
    if (this.#current !== null) {
      this.#replaced.push(this.#current);
      this.#current = null;
    }
  }

  /** Throws UncheckableError for an archive that is newer than the inventory. */
  async stateOf(copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
    const { index, isCurrent } = await this.#read(signal);
    const listed = index.get(copy.location);
    if (listed !== null) {
      return listed.sizeBytes === copy.sizeBytes && listed.treeHash === copy.treeHash ? "sound" : "changed";
    }
    const isNewer = index.date === null || copy.verifiedAt === undefined || copy.verifiedAt >= index.date;
    if (!isCurrent && isNewer) {
      const date = index.date === null ? "" : ` of ${index.date.toISOString()}`;
      throw new UncheckableError(
        `Archive ${copy.location} is not in the inventory${date} of vault ${this.#vaultName}, which may be older: check again after the next one`,
      );
    }
    return "missing";
  }

  async *list(signal: AbortSignal): AsyncGenerator<{ location: string; sizeBytes: number }, void, void> {
    const { index } = await this.#read(signal);
    for (const { archiveId, sizeBytes } of index.all()) {
      yield { location: archiveId, sizeBytes };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.outdate();
    for (const each of await Promise.allSettled(this.#replaced.splice(0))) {
      if (each.status === "fulfilled") {
        each.value.index[Symbol.dispose]();
      }
    }
  }

  #read(signal: AbortSignal): Promise<Current> {
    this.#current ??= this.#build(signal).catch((error: unknown) => {
      this.#current = null;
      throw error;
    });
    return this.#current;
  }

  async #build(signal: AbortSignal): Promise<Current> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const vault = { vaultName: this.#vaultName };
    const contents = await vaultContents(this.#client, vault, { signal });
    const inventory = await readInventory(this.#client, vault, {
      signal,
      jobFile: join(this.#folder, "inventory.job"),
      reuseBuffers: true,
    }).catch((error: Error) => {
      throw this.#isWithoutInventory(error)
        ? new UncheckableError(`Vault ${this.#vaultName} has no inventory yet: check again in a day`, {
            ...{ cause: error, isOfAll: true },
          })
        : error;
    });
    const index = await InventoryIndex.build(join(this.#folder, `inventory-${randomUUID()}.sqlite`), inventory);
    return { index, isCurrent: contents?.hasCurrentInventories ?? false };
  }

  #isWithoutInventory({ name, message }: Error): boolean {
    return name === "ResourceNotFoundException" && /\bno inventory\b/i.test(message);
  }
}
