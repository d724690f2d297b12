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
  /** What was lent. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
  readonly error?: Error | undefined;
}

/** Below this, another thread is not worth its messages. */
const inlineBytesMax = 256 * 1024;

/**
 * Hashes on other threads, one part each, so that several parts go on at once and the thread that moves the bytes is free
 * to do so. Threads start when they are first needed, or before, with `start`.
 */
export class DigestPool implements AsyncDisposable {
  readonly #threads: Thread[] = [];
  readonly #threadsMax: number;

  /** @param threadsMax 1 or more; by default one for two processors, four at most. */
  constructor(threadsMax: number = Math.max(1, Math.min(Math.floor(availableParallelism() / 2), 4))) {
    assertCount("threadsMax", threadsMax);
    this.#threadsMax = threadsMax;
  }

  /** Has a thread ready for what will be asked: one takes longer to start than to hash a part. */
  start(): void {
    this.#thread();
  }

  /** Reads and hashes; the file must stay open meanwhile. Rejects when it is shorter. */
  async ofFile(part: FilePart, wanted: Wanted): Promise<PartDigest> {
    const { digest } = await this.#thread().ask(part, wanted, []);
    return required(digest);
  }

  /** Takes the bytes and gives them back, in an array of its own: the one that was given is empty from now on. */
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

/** Sources run as they are, the package as JavaScript. */
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
    throw new Error("A hashing thread answered nothing");
  }
  return value;
}
