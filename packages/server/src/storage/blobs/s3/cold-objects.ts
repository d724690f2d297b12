import { millisecondsPer } from "@moraine/protocol";
import type { Tier } from "../../../domain/jobs/job.ts";
import { BlobMissingError, BlobStoreUnavailableError } from "../../../domain/stores/blob-store.ts";
import type { ColdBlobs, ColdMoves } from "../../../domain/stores/cold-blobs.ts";
import type { ColdSettings } from "../../s3/archives-url.ts";
import { forEach } from "../for-each.ts";
import type { ObjectClasses, ObjectState } from "./object-classes.ts";
import type { ListedObject, ObjectPage } from "./object-list.ts";

export interface ColdOptions {
  readonly objects: { readonly classes: ObjectClasses; list(keyPrefix: string): AsyncIterable<ObjectPage> };
  readonly settings: ColdSettings | null;
  /** By the system's clock, which the store's is compared with. */
  now(): number;
  /** The name of a blob's object. */
  objectOf(key: string): string;
  /** Begins the names of all objects that are blobs. */
  readonly folder: string;
}

/** The tiers of each class whose objects have to be restored. */
const tiersOf: ReadonlyMap<string, Readonly<Record<Tier, Tier>>> = new Map([
  ["GLACIER", { Expedited: "Expedited", Standard: "Standard", Bulk: "Bulk" }],
  ["DEEP_ARCHIVE", { Expedited: "Standard", Standard: "Standard", Bulk: "Bulk" }],
]);
const requestsAtOnce = 16;
/** The date of a list has whole seconds, and may be before the last change of an object in it. */
const dateMilliseconds = millisecondsPer.second;
/** The caller may notice so much later that the restored copy exists. */
const noticeMilliseconds = millisecondsPer.hour;

/** Objects in storage classes of S3: moves them there, and has them restored. */
export class ColdObjects implements ColdBlobs {
  readonly moves: ColdMoves | null;
  readonly #options: ColdOptions;
  #areExpected: boolean;

  constructor(options: ColdOptions) {
    const { settings } = options;
    this.#options = options;
    this.#areExpected = settings !== null && tiersOf.has(settings.storageClass);
    this.moves = settings && {
      ...settings,
      due: () => this.#due(settings),
      move: (key, stopped) => this.#move(key, settings, stopped),
    };
  }

  get areExpected(): boolean {
    return this.#areExpected;
  }

  /** Called when a read has met an object that is not restored. */
  noteMet(): void {
    this.#areExpected = true;
  }

  async sizeOf(key: string): Promise<number> {
    return (await this.#head(key)).sizeBytes;
  }

  async restore(
    keys: readonly string[],
    how: { readonly tier: Tier; readonly milliseconds: number },
  ): Promise<boolean> {
    let [areReadable, failure] = [true, null as { readonly error: unknown } | null];
    await forEach(keys, requestsAtOnce, async (key) => {
      if (failure !== null) {
        return;
      }
      try {
        const isReadable = await this.#restoreOne(key, how);
        areReadable &&= isReadable;
      } catch (error) {
        failure ??= error instanceof BlobMissingError ? null : { error };
      }
    });
    if (failure !== null) {
      throw (failure as { readonly error: unknown }).error;
    }
    return areReadable;
  }

  async #restoreOne(key: string, { tier, milliseconds }: { readonly tier: Tier; readonly milliseconds: number }) {
    const { storageClass, restore } = await this.#head(key);
    const tiers = tiersOf.get(storageClass);
    if (tiers === undefined) {
      return true;
    }
    if (restore?.isOngoing === true) {
      return false;
    }
    const isReadable = restore !== null && restore.readableUntil > this.#options.now();
    if (!(isReadable && restore.readableUntil >= this.#options.now() + milliseconds)) {
      await this.#ask(key, tiers[tier], Math.ceil((milliseconds + noticeMilliseconds) / millisecondsPer.day));
    }
    return isReadable;
  }

  async #ask(key: string, tier: Tier, days: number): Promise<void> {
    const { objects, objectOf } = this.#options;
    try {
      await objects.classes.restore(objectOf(key), tier, days);
    } catch (error) {
      const { name } = ((error as Error).cause ?? {}) as Error;
      if (name === "GlacierExpeditedRetrievalNotAvailable") {
        // AWS has no capacity for it now, and refuses rather than waits.
        await this.#ask(key, "Standard", days);
      } else if (name !== "RestoreAlreadyInProgress") {
        throw error;
      }
    }
  }

  async *#due({ storageClass, afterMilliseconds }: ColdSettings): AsyncGenerator<readonly string[], void, void> {
    const { objects, folder } = this.#options;
    const isDue = (object: ListedObject, listedAt: number) =>
      object.storageClass !== storageClass &&
      !tiersOf.has(object.storageClass) &&
      listedAt + dateMilliseconds - object.changedAt >= afterMilliseconds;
    for await (const page of objects.list(folder)) {
      yield page.objects.filter((object) => isDue(object, page.listedAt)).map(({ key }) => key.slice(folder.length));
    }
  }

  async #move(key: string, { storageClass }: ColdSettings, stopped: AbortSignal): Promise<void> {
    const { objects, objectOf } = this.#options;
    const { sizeBytes } = await this.#head(key);
    await objects.classes.move(objectOf(key), storageClass, stopped);
    const moved = await this.#head(key);
    if (moved.sizeBytes !== sizeBytes || moved.storageClass !== storageClass) {
      const found = `${moved.sizeBytes} bytes in ${moved.storageClass}`;
      throw new BlobStoreUnavailableError(
        `${key}: ${sizeBytes} bytes were moved to ${storageClass}, and it has ${found}`,
      );
    }
  }

  #head(key: string): Promise<ObjectState> {
    const { objects, objectOf } = this.#options;
    return objects.classes.head(objectOf(key));
  }
}
