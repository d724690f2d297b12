import { Worker } from "node:worker_threads";

/** Sources run as they are, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.js";

/** The two hashes of a body. They run on different threads. */
export type HashKind = "linear" | "leaves";

export type HashRequest =
  | { readonly id: number; readonly do: "start"; readonly kind: HashKind; readonly leavesMax: number }
  | { readonly id: number; readonly do: "update"; readonly bytes: Uint8Array }
  | { readonly id: number; readonly do: "digest" | "abandon" }
  | { readonly id: number; readonly do: "sha256"; readonly bytes: Uint8Array };

export type HashReply =
  | { readonly id: number; readonly done: "update" }
  | { readonly id: number; readonly done: "digest"; readonly digest: string | Leaves };

export interface Leaves {
  readonly treeHash: string;
  readonly leaves: Uint8Array<ArrayBuffer>;
}

/** The work of one thread. */
export interface LaneLoad {
  /** Bodies by the hash that runs here. */
  readonly linear: number;
  readonly leaves: number;
  /** Bytes that were sent to the thread and are not hashed yet. */
  readonly queuedBytes: number;
}

interface RunningHash {
  update(bytes: Uint8Array): Promise<void>;
  digest(): Promise<string | Leaves>;
  abandon(): void;
}

/** While one is worked on, a second waits in the thread's queue: it never runs dry, and is seldom woken. */
const messagesAtOnceMax = 2;

/**
 * One thread. It replies in order, so each reply is for the oldest waiter of its body. Its limit is on messages, which carry any
 * number of requests; `SqliteThread` limits requests and their bytes. One class for both would change when either of them posts.
 */
export class HashLane {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Array<PromiseWithResolvers<string | Leaves | undefined>>>();
  readonly #running: Record<HashKind, number> = { linear: 0, leaves: 0 };
  /** Sent with the next message: to wake a thread can cost as much as to hash some hundred KiB. */
  #outbox: HashRequest[] = [];
  #queuedBytes = 0;
  #messages = 0;
  #ids = 0;
  #closing = false;
  /** Set once the thread has ended: it replies to nothing any more. */
  #failure: Error | null = null;

  constructor(onFailure: (error: Error) => void) {
    this.#worker = new Worker(new URL(workerFile, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
    });
    this.#worker.on("message", (replies: readonly HashReply[]) => this.#receive(replies));
    this.#worker.on("error", (error: Error) => this.#fail(error, onFailure));
    this.#worker.on("exit", () => this.#fail(new Error("A hashing thread ended"), onFailure));
    this.#worker.unref();
  }

  /** Bytes that were sent to the thread and are not hashed yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get load(): LaneLoad {
    return { ...this.#running, queuedBytes: this.#queuedBytes };
  }

  /** @param leavesMax the leaves of the longest body that may follow. */
  start(kind: HashKind, leavesMax: number): RunningHash {
    const id = this.#ids++;
    this.#post({ id, do: "start", kind, leavesMax });
    this.#running[kind] += 1;
    return {
      update: async (bytes) => {
        this.#queuedBytes += bytes.length;
        await this.#ask({ id, do: "update", bytes }).finally(() => {
          this.#queuedBytes -= bytes.length;
        });
      },
      digest: async () => {
        const digest = await this.#ask({ id, do: "digest" });
        this.#running[kind] -= 1;
        return digest ?? "";
      },
      abandon: () => {
        this.#running[kind] -= 1;
        this.#post({ id, do: "abandon" });
      },
    };
  }

  /** SHA-256 of bytes that are all at hand, in hexadecimal. */
  async sha256(bytes: Uint8Array): Promise<string> {
    this.#queuedBytes += bytes.length;
    const digest = await this.#ask({ id: this.#ids++, do: "sha256", bytes }).finally(() => {
      this.#queuedBytes -= bytes.length;
    });
    return digest as string;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
  }

  #post(request: HashRequest): void {
    this.#outbox.push(request);
    this.#flush();
  }

  #flush(): void {
    if (this.#outbox.length > 0 && this.#messages < messagesAtOnceMax) {
      this.#messages += 1;
      this.#worker.postMessage(this.#outbox);
      this.#outbox = [];
    }
  }

  #receive(replies: readonly HashReply[]): void {
    this.#messages -= 1;
    this.#flush();
    for (const reply of replies) {
      this.#settle(reply);
    }
  }

  #ask(request: HashRequest): Promise<string | Leaves | undefined> {
    if (this.#failure !== null) {
      return Promise.reject(this.#failure);
    }
    const waiter = Promise.withResolvers<string | Leaves | undefined>();
    const waiters = this.#waiting.get(request.id) ?? [];
    waiters.push(waiter);
    this.#waiting.set(request.id, waiters);
    this.#post(request);
    return waiter.promise;
  }

  #settle(reply: HashReply): void {
    const waiters = this.#waiting.get(reply.id);
    const waiter = waiters?.shift();
    if (waiters?.length === 0) {
      this.#waiting.delete(reply.id);
    }
    waiter?.resolve(reply.done === "digest" ? reply.digest : undefined);
  }

  #fail(error: Error, onFailure: (error: Error) => void): void {
    this.#failure ??= error;
    for (const waiter of [...this.#waiting.values()].flat()) {
      waiter.reject(error);
    }
    this.#waiting.clear();
    if (!this.#closing) {
      this.#closing = true;
      onFailure(error);
    }
  }
}
