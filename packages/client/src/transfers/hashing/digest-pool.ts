import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { ByteRange } from "@moraine/protocol";
import { assertCount } from "../../assert-count.ts";
import { digestOfBytes, type PartDigest, type Wanted } from "./part-digest.ts";

/** Bytes of an open file; all threads of a process share its descriptors. */
export interface FilePart extends ByteRange {
  readonly fd: number;
}

export interface DigestRequest {
  readonly id: number;
  readonly wanted: Wanted;
  readonly source: FilePart | Uint8Array<ArrayBuffer>;
}

export interface DigestReply {
  readonly id: number;
  readonly digest?: PartDigest | undefined;
  /** The bytes of the request, given back. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
  readonly error?: Error | undefined;
}

/** Up to this size, the messages to another thread cost more than the hashing. */
const inlineBytesMax = 256 * 1024;

/**
 * Hashes parts on other threads, several at once, so that the main thread is free to move bytes. A thread starts when it is first needed,
 * or earlier by `start`.
 */
export class DigestPool implements AsyncDisposable {
  readonly #threads: Thread[] = [];
  readonly #threadsMax: number;

  /** @param threadsMax 1 or more. @default half the number of CPUs, at most 4 */
  constructor(threadsMax: number = Math.max(1, Math.min(Math.floor(availableParallelism() / 2), 4))) {
    assertCount("threadsMax", threadsMax);
    this.#threadsMax = threadsMax;
  }

  /** Starts a thread in advance: that takes longer than hashing a part. */
  start(): void {
    this.#thread();
  }

  /** Hashes a part of a file, which must stay open meanwhile. Rejects if the file is shorter. */
  async ofFile(part: FilePart, wanted: Wanted): Promise<PartDigest> {
    const { digest } = await this.#thread().ask(part, wanted, []);
    return required(digest);
  }

  /** Hashes bytes. Their memory is moved to a thread and back: the given array is empty afterwards, and the result has another one. */
  async ofBytes(
    bytes: Uint8Array<ArrayBuffer>,
    wanted: Wanted,
  ): Promise<PartDigest & { readonly bytes: Uint8Array<ArrayBuffer> }> {
    if (bytes.length <= inlineBytesMax) {
      return { ...digestOfBytes(bytes, wanted), bytes };
    }
    const reply = await this.#thread().ask(bytes, wanted, [bytes.buffer]);
    return { ...required(reply.digest), bytes: required(reply.bytes) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #thread(): Thread {
    const least = this.#threads.toSorted((one, other) => one.load - other.load)[0];
    if (least !== undefined && (least.load === 0 || this.#threads.length >= this.#threadsMax)) {
      return least;
    }
    const thread = new Thread();
    this.#threads.push(thread);
    return thread;
  }
}

/** The sources run as TypeScript, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./digest-worker.ts" : "./digest-worker.js";

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<DigestReply>>();
  #ids = 0;

  constructor() {
    this.#worker = new Worker(new URL(workerFile, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (reply: DigestReply) => this.#settle(reply));
    this.#worker.on("error", (error: Error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("A hashing thread ended")));
    this.#worker.unref();
  }

  get load(): number {
    return this.#waiting.size;
  }

  ask(source: DigestRequest["source"], wanted: Wanted, lent: readonly ArrayBuffer[]): Promise<DigestReply> {
    const id = this.#ids++;
    const waiter = Promise.withResolvers<DigestReply>();
    this.#waiting.set(id, waiter);
    this.#worker.ref();
    this.#worker.postMessage({ id, wanted, source } satisfies DigestRequest, lent);
    return waiter.promise;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: DigestReply): void {
    const waiter = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) {
      this.#worker.unref();
    }
    if (reply.error === undefined) {
      waiter?.resolve(reply);
    } else {
      waiter?.reject(reply.error);
    }
  }

  #fail(error: Error): void {
    for (const waiter of this.#waiting.values()) {
      waiter.reject(error);
    }
    this.#waiting.clear();
  }
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error("A hashing thread sent an empty reply");
  }
  return value;
}
