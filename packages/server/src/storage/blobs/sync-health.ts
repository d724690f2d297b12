import { isFull } from "./disk.ts";

const failuresInARowMax = 2;

/**
 * Watches every sync of the store. One failed sync costs one blob; two in a row, and the medium is not trusted with
 * new blobs until a restart. A full disk is not a failure of the medium.
 */
export class SyncHealth {
  readonly #onSync: (seconds: number) => void;
  #failuresInARow = 0;
  #lastFailure: unknown;

  /** @param onSync called with the time that each sync took, failed ones included. */
  constructor(onSync: (seconds: number) => void = () => undefined) {
    this.#onSync = onSync;
  }

  async watch(sync: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await sync();
    } catch (error) {
      this.#note(error);
      throw error;
    } finally {
      this.#onSync((performance.now() - start) / 1000);
    }
    if (!this.#isBroken()) {
      this.#failuresInARow = 0;
    }
  }

  /** Why nothing new is stored; null while all is well. */
  get readOnlyReason(): string | null {
    return this.#isBroken() ? "read-only until a restart: the disk failed to sync twice in a row" : null;
  }

  assertTrusted(): void {
    const { readOnlyReason } = this;
    if (readOnlyReason !== null) {
      throw new Error(readOnlyReason, { cause: this.#lastFailure });
    }
  }

  #note(error: unknown): void {
    if (!isFull(error)) {
      this.#failuresInARow += 1;
      this.#lastFailure = error;
    }
  }

  #isBroken(): boolean {
    return this.#failuresInARow >= failuresInARowMax;
  }
}
