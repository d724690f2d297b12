import { Worker } from "node:worker_threads";
import type { TreeHash } from "@moraine/protocol";
import { InvariantError } from "../domain/invariant.ts";
import type { ContentDigest, ContentHash } from "./content-hash.ts";

export type HashRequest =
  | { readonly id: number; readonly do: "start"; readonly kind: "linear" | "leaves" }
  | { readonly id: number; readonly do: "update"; readonly bytes: Uint8Array }
  | { readonly id: number; readonly do: "digest" | "abandon" };

export type HashReply =
  | { readonly id: number; readonly done: "update" }
  | { readonly id: number; readonly done: "digest"; readonly digest: string | Leaves };

interface Leaves {
  readonly treeHash: string;
  readonly leaves: Uint8Array;
}

/**
 * Hashes on other threads. A body's linear hash and its leaf hashes run on different ones: each alone is as fast as a
 * core can hash, so a body is received at that speed and not at half of it.
 */
export class HashPool {
  readonly #lanes: Lane[];
  #next = 0;

  /** @param threads 1 or more; two bodies may share one. @param onFailure called when a thread dies: nothing can be hashed then. */
  constructor(threads: number, onFailure: (error: Error) => void) {
    this.#lanes = Array.from({ length: threads }, () => new Lane(onFailure));
  }

  /** Begins a body. What lies in shared memory is read where it lies, anything else is copied. */
  start(): ContentHash {
    const linear = this.#nextLane().start("linear");
    const leaves = this.#nextLane().start("leaves");
    return {
      async update(bytes) {
        await Promise.all([linear.update(bytes), leaves.update(bytes)]);
      },
      async digest(): Promise<ContentDigest> {
        const [sha256, tree] = await Promise.all([linear.digest(), leaves.digest()]);
        const { treeHash, leaves: joined } = tree as Leaves;
        return { sha256: sha256 as string, treeHash: treeHash as TreeHash, leaves: joined };
      },
      abandon() {
        linear.abandon();
        leaves.abandon();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  #nextLane(): Lane {
    const lane = this.#lanes[this.#next++ % this.#lanes.length];
    if (lane === undefined) {
      throw new InvariantError("a pool has threads");
    }
    return lane;
  }
}

interface RunningHash {
  update(bytes: Uint8Array): Promise<void>;
  digest(): Promise<string | Leaves>;
  abandon(): void;
}

/** While one is worked on, a second waits at the thread's door: it never runs dry, and is seldom woken. */
const messagesAtOnceMax = 2;

/** One thread. It answers in order, so the oldest waiter of a body is the one an answer is for. */
class Lane {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Array<PromiseWithResolvers<string | Leaves | undefined>>>();
  /** Goes with the next message: to wake a thread can cost as much as to hash some hundred KiB. */
  #outbox: HashRequest[] = [];
  #messages = 0;
  #ids = 0;
  #closing = false;

  constructor(onFailure: (error: Error) => void) {
    this.#worker = new Worker(new URL("./hash-worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (replies: readonly HashReply[]) => this.#receive(replies));
    this.#worker.on("error", (error: Error) => this.#fail(error, onFailure));
    this.#worker.on("exit", () => this.#fail(new Error("A hashing thread ended"), onFailure));
    this.#worker.unref();
  }

  start(kind: "linear" | "leaves"): RunningHash {
    const id = this.#ids++;
    this.#post({ id, do: "start", kind });
    return {
      update: async (bytes) => {
        await this.#ask({ id, do: "update", bytes });
      },
      digest: async () => (await this.#ask({ id, do: "digest" })) ?? "",
      abandon: () => this.#post({ id, do: "abandon" }),
    };
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
