import { hash } from "node:crypto";
import { invariant } from "../../../domain/invariant.ts";
import { BlobStoreUnavailableError, type BlobWriter } from "../../../domain/stores/blob-store.ts";
import type { Circuit } from "./circuit.ts";
import type { Body, Objects, Receipt, StoredPart } from "./objects.ts";
import { Part } from "./part.ts";
import { Tail } from "./tail.ts";
import { partBytes, type WriteMemory } from "./write-memory.ts";

/** While these are sent, the next one arrives. */
const sendingMax = 2;

export interface UnfinishedObject {
  readonly key: string;
  readonly sizeBytesMax: number;
  readonly objects: Objects;
  readonly circuit: Circuit;
  readonly memory: WriteMemory;
  /** Whether its bytes are sent with their MD5. */
  readonly hasMd5: boolean;
  /** Throws when the key has been written before. */
  assertUnused(): void;
  onEnd(): void;
}

interface SentBytes extends Receipt {
  readonly start: number;
  readonly sizeBytes: number;
  readonly sha256: Buffer;
}

type SentPart = SentBytes & StoredPart;

/** Writes one object: by one request when it fits a part, in parts otherwise. It is visible once it is complete. */
export class S3BlobWriter implements BlobWriter {
  readonly #object: UnfinishedObject;
  readonly #tail = new Tail();
  readonly #sent: Promise<SentPart>[] = [];
  readonly #sending = new Set<Promise<unknown>>();
  #part: Part | null = null;
  #upload: Promise<string> | null = null;
  #state: "open" | "ended" = "open";
  #sizeBytes = 0;
  #sentBytes = 0;
  #writes = 0;
  /** The calls land in their order. */
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;

  constructor(object: UnfinishedObject) {
    this.#object = object;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#state === "open", "a blob is written before its end");
    this.#assertSound();
    invariant(
      this.#sizeBytes + bytes.length <= this.#object.sizeBytesMax,
      "a blob is not larger than it was said to become",
    );
    this.#sizeBytes += bytes.length;
    this.#writes += 1;
    const appended = this.#last.then(() => this.#append(bytes));
    this.#last = appended.catch(() => undefined);
    try {
      await appended;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#writes -= 1;
    }
  }

  async commit(): Promise<void> {
    invariant(this.#state === "open" && this.#writes === 0, "a blob is committed once, after its writes");
    this.#state = "ended";
    let isStored = false;
    try {
      this.#assertSound();
      this.#object.assertUnused();
      await (this.#upload === null ? this.#putWhole() : this.#complete());
      isStored = true;
    } finally {
      await this.#end(isStored);
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== "ended") {
      this.#state = "ended";
      await this.#end(false);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      this.#assertSound();
      if (this.#part?.room === 0) {
        await this.#sendPart();
      }
      this.#part ??= this.#newPart();
      const taken = rest.subarray(0, this.#part.room);
      await this.#object.memory.take(this, taken.length);
      this.#part.append(taken);
      this.#tail.append(taken);
      rest = rest.subarray(taken.length);
    }
  }

  #newPart(): Part {
    const { memory, sizeBytesMax, hasMd5 } = this.#object;
    return new Part(memory.allocate(Math.min(partBytes, sizeBytesMax - this.#sentBytes)), hasMd5);
  }

  /** Resolves when the next part may arrive. */
  async #sendPart(): Promise<void> {
    const { key, objects, circuit } = this.#object;
    const part = this.#part;
    this.#part = null;
    invariant(part !== null, "a part is sent once it has bytes");
    const start = this.#sentBytes;
    this.#sentBytes += part.sizeBytes;
    this.#upload ??= circuit.watch(() => objects.beginParts(key));
    const number = this.#sent.length + 1;
    const sent = Promise.all([this.#upload, part.body()]).then(([uploadId, body]) =>
      this.#put(uploadId, number, body, start),
    );
    const sending = sent
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#sending.delete(sending));
    this.#sent.push(sent);
    this.#sending.add(sending);
    if (this.#sending.size >= sendingMax) {
      await Promise.race(this.#sending);
    }
  }

  async #put(uploadId: string, PartNumber: number, body: Body, start: number): Promise<SentPart> {
    const { key, objects, circuit, memory } = this.#object;
    const sizeBytes = body.bytes.length;
    try {
      const receipt = await circuit.watch(() => objects.putPart(key, uploadId, PartNumber, body));
      this.#useAgain(body, receipt);
      return { ...receipt, PartNumber, start, sizeBytes, sha256: body.sha256 };
    } finally {
      memory.give(this, sizeBytes);
    }
  }

  #useAgain({ bytes }: Body, { isSentOnce }: Receipt): void {
    if (isSentOnce) {
      this.#object.memory.useAgain(bytes);
    }
  }

  async #putWhole(): Promise<void> {
    const { key, objects, circuit } = this.#object;
    const body = await (this.#part ?? this.#newPart()).body();
    await circuit.watch(async () => {
      const receipt = await objects.put(key, body);
      this.#useAgain(body, receipt);
      await this.#assertStored([{ ...receipt, start: 0, sizeBytes: body.bytes.length, sha256: body.sha256 }]);
    });
  }

  async #complete(): Promise<void> {
    const { key, objects, circuit } = this.#object;
    await this.#sendPart();
    const parts = await Promise.all(this.#sent);
    const uploadId = (await this.#upload) ?? "";
    const listed = parts.map(({ ETag, PartNumber }) => ({ ETag, PartNumber }));
    await circuit.watch(async () => {
      await objects.completeParts(key, uploadId, listed);
      await this.#assertStored(parts);
    });
  }

  /** Reads the size and the end of the object back; and all of it where the store has not shown what it received. */
  async #assertStored(parts: readonly SentBytes[]): Promise<void> {
    try {
      if (!(await this.#isStored(parts))) {
        throw new Error("other bytes are read back");
      }
    } catch (error) {
      if (error instanceof BlobStoreUnavailableError) {
        throw error;
      }
      const { key, objects } = this.#object;
      const message = `${objects.name}: ${key} was stored, but ${(error as Error).message}`;
      throw new BlobStoreUnavailableError(message, { cause: error });
    }
  }

  async #isStored(parts: readonly SentBytes[]): Promise<boolean> {
    const { key, objects } = this.#object;
    const expected = this.#tail.bytes();
    const { sizeBytes, tail } = await objects.end(key, Math.max(1, expected.length));
    if (sizeBytes !== this.#sizeBytes || !tail.subarray(tail.length - expected.length).equals(expected)) {
      return false;
    }
    for (const part of parts.filter(({ isShown }) => !isShown)) {
      const bytes = Buffer.allocUnsafe(part.sizeBytes);
      if (bytes.length > 0) {
        await objects.range(key, part.start, bytes);
      }
      if (!hash("sha256", bytes, "buffer").equals(part.sha256)) {
        return false;
      }
    }
    return true;
  }

  /** Parts that are still being sent may land after an abort: they end first. */
  async #end(isStored: boolean): Promise<void> {
    const { key, objects, memory, onEnd } = this.#object;
    await this.#last;
    await Promise.all(this.#sending);
    const uploadId = await this.#upload?.catch(() => undefined);
    if (!isStored && uploadId !== undefined) {
      await objects.abortParts(key, uploadId);
    }
    this.#part = null;
    memory.end(this);
    onEnd();
  }

  #assertSound(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }
}
