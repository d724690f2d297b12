import { randomBytes, randomUUID } from "node:crypto";
import { millisecondsPer } from "@moraine/protocol";
import { invariant } from "../../../domain/invariant.ts";
import {
  type BlobDriver,
  type BlobPage,
  type BlobReader,
  type BlobWriter,
  NotRestoredYetError,
  type RemovalFailure,
  type UncachedReader,
} from "../../../domain/stores/blob-store.ts";
import type { StorageReport } from "../../../domain/stores/storage-report.ts";
import type { ColdSettings } from "../../s3/archives-url.ts";
import { BucketError } from "../../s3/bucket-error.ts";
import { KeySource, partsOf } from "../blob-key.ts";
import { forEach } from "../for-each.ts";
import { Circuit, type CircuitOptions } from "./circuit.ts";
import { ColdObjects } from "./cold-objects.ts";
import type { Objects } from "./objects.ts";
import { Part } from "./part.ts";
import { ReadMemory } from "./read-memory.ts";
import { S3BlobReader } from "./s3-reader.ts";
import { S3BlobWriter } from "./s3-writer.ts";
import { WriteMemory } from "./write-memory.ts";

export interface S3StoreOptions
  extends Partial<Pick<CircuitOptions, "onChange" | "probeMilliseconds" | "idleMilliseconds">> {
  /** By the system's clock, which the store's is compared with. */
  now(): number;
  /** Whether an object stays though its removal is asked for. @default none does */
  isKept?(key: string): boolean;
  /** The class that blobs are moved to, and when. @default they stay where they are stored */
  readonly cold?: ColdSettings | null;
}

const writeBytesMax = 128 * 1024 ** 2;
const readBytesMax = 64 * 1024 ** 2;
/** Read with the size: the footer of all but the largest segments, and all of a small one. */
const tailBytes = 64 * 1024;
const removalsAtOnce = 16;
/** An upload in parts that is older belongs to a process that has died. */
const partsAgeMax = millisecondsPer.day;
/** Keys of this process that are remembered, so that none is used twice. */
const usedKeysMax = 10_000;
const probeBytes = 64;
/** Below the prefix: where blobs are. */
const folder = "segments/";

/**
 * Keeps blobs as objects of a bucket: `segments/ab/cd/<ownerId>.<nonce>` below its prefix. A key is drawn at random for each attempt, and never
 * written twice: no condition of the store is needed, and what a dead process sent lands under a name that nothing refers to.
 */
export class S3BlobStore implements BlobDriver {
  readonly cold: ColdObjects;
  readonly #objects: Objects;
  readonly #options: S3StoreOptions;
  readonly #keys = new KeySource();
  readonly #circuit: Circuit;
  readonly #writeMemory = new WriteMemory(writeBytesMax);
  readonly #readMemory = new ReadMemory(readBytesMax);
  readonly #unfinished = new Set<string>();
  readonly #used = new Set<string>();
  /** Another node's probe has another key. */
  readonly #probeKey = `probe.${randomUUID()}`;
  #prepared = false;
  /** Whether the store was seen to refuse bytes that have another SHA-256: then they need no MD5, which takes a third of an upload's CPU. */
  #isHashChecked = false;

  constructor(objects: Objects, options: S3StoreOptions) {
    const { onChange = () => undefined, probeMilliseconds, idleMilliseconds, cold: settings = null, now } = options;
    this.cold = new ColdObjects({ objects, settings, now, objectOf, folder });
    this.#objects = objects;
    this.#options = options;
    this.#circuit = new Circuit({
      probe: () => this.#probe(),
      onChange,
      ...(probeMilliseconds !== undefined && { probeMilliseconds }),
      ...(idleMilliseconds !== undefined && { idleMilliseconds }),
    });
  }

  get readOnly(): StorageReport["readOnly"] {
    const { reason } = this.#circuit;
    return reason === null ? null : { kind: "store_away", reason };
  }

  async prepare(): Promise<{ readonly isFull: boolean }> {
    await this.#probe();
    // A store that keeps no list of them leaves their removal to its own rules.
    await this.#objects.abortPartsBegunBefore(this.#options.now() - partsAgeMax).catch(() => undefined);
    this.#prepared = true;
    this.#circuit.start();
    return { isFull: false };
  }

  async close(): Promise<void> {
    await this.#circuit.stop();
    this.#objects.close();
  }

  newKey(ownerId: string): string {
    return this.#keys.next(ownerId);
  }

  async create(key: string, sizeBytesMax: number): Promise<BlobWriter> {
    const object = objectOf(key);
    invariant(this.#prepared, "the store is prepared before the first blob");
    this.#circuit.assertClosed();
    if (this.#unfinished.has(key)) {
      throw new Error(`The blob ${key} is already being written`);
    }
    this.#unfinished.add(key);
    return new S3BlobWriter({
      key: object,
      sizeBytesMax,
      objects: this.#objects,
      circuit: this.#circuit,
      memory: this.#writeMemory,
      hasMd5: !this.#isHashChecked,
      assertUnused: () => invariant(!this.#used.has(key), "a key serves one blob"),
      onEnd: () => {
        this.#unfinished.delete(key);
        this.#noteUsed(key);
      },
    });
  }

  open(key: string): Promise<BlobReader> {
    return this.#open(key);
  }

  openUncached(key: string): Promise<UncachedReader> {
    return this.#open(key);
  }

  async remove(keys: readonly string[]): Promise<RemovalFailure[]> {
    const failures: RemovalFailure[] = [];
    await forEach(keys, removalsAtOnce, async (key) => {
      try {
        const object = objectOf(key);
        if (this.#options.isKept?.(key) !== true) {
          await this.#objects.remove(object);
        }
      } catch (error) {
        failures.push({ key, error });
      }
    });
    return failures;
  }

  async *list(prefix: string): AsyncGenerator<BlobPage, void, void> {
    for await (const { objects, listedAt } of this.#objects.list(`${folder}${prefix}`)) {
      const blobs = objects.map(({ key, storageClass: _, ...rest }) => ({ key: key.slice(folder.length), ...rest }));
      yield { blobs, listedAt };
    }
  }

  async #open(key: string): Promise<S3BlobReader> {
    const object = objectOf(key);
    const end = await this.#objects.end(object, tailBytes).catch((error: unknown) => {
      if (error instanceof NotRestoredYetError) {
        this.cold.noteMet();
      }
      throw error;
    });
    return new S3BlobReader({ ...end, key: object, objects: this.#objects, memory: this.#readMemory });
  }

  /** Stores an object as blobs are stored, reads it back, and removes it. Finds out on the way what the store refuses. */
  async #probe(): Promise<void> {
    const part = new Part(Buffer.allocUnsafeSlow(probeBytes), true);
    part.append(randomBytes(probeBytes));
    const body = await part.body();
    await this.#objects.put(this.#probeKey, body);
    const { sizeBytes, tail } = await this.#objects.end(this.#probeKey, probeBytes);
    if (sizeBytes !== probeBytes || !tail.equals(body.bytes)) {
      throw new BucketError(`${this.#objects.name} does not return the bytes that were stored`);
    }
    this.#isHashChecked = await this.#objects.refusesOtherBytes(this.#probeKey, body.bytes);
    await this.#objects.remove(this.#probeKey);
  }

  #noteUsed(key: string): void {
    this.#used.add(key);
    const [oldest] = this.#used;
    if (this.#used.size > usedKeysMax && oldest !== undefined) {
      this.#used.delete(oldest);
    }
  }
}

/** The name of a blob's object, below the prefix. */
export function objectOf(key: string): string {
  partsOf(key);
  return `${folder}${key}`;
}
