interface Waiting {
  readonly bytes: number;
  readonly granted: PromiseWithResolvers<void>;
}

/** Bounds the memory that several copies use together. Callers are served in order, so that a large request is not passed over. */
export class ByteBudget {
  readonly #limitBytes: number;
  readonly #waiting: Waiting[] = [];
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Resolves when the bytes may be used, until the result is disposed. A request above the limit is granted when nothing else is in use. */
  async acquire(bytes: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const waiting = { bytes, granted: Promise.withResolvers<void>() };
    this.#waiting.push(waiting);
    this.#grant();
    const abort = () => this.#withdraw(waiting, signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await waiting.granted.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) {
          isHeld = false;
          this.#usedBytes -= bytes;
          this.#grant();
        }
      },
    };
  }

  #grant(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoomFor(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#usedBytes += next.bytes;
      next.granted.resolve();
    }
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#limitBytes;
  }

  #withdraw(waiting: Waiting, reason: unknown): void {
    const index = this.#waiting.indexOf(waiting);
    if (index >= 0) {
      this.#waiting.splice(index, 1);
      waiting.granted.reject(reason);
      this.#grant();
    }
  }
}
