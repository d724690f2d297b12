import type { TransferEvent } from "./events.ts";

/** Counts the bytes of a transfer and reports them as events. */
export class Progress {
  readonly #onEvent: ((event: TransferEvent) => void) | undefined;
  #sizeBytes: number | null;
  #verifiedBytes = 0;
  #transferredBytes = 0;
  #repeatedBytes = 0;
  #resumedBytes = 0;

  constructor(sizeBytes: number | null, onEvent: ((event: TransferEvent) => void) | undefined) {
    this.#sizeBytes = sizeBytes;
    this.#onEvent = onEvent;
  }

  emit(event: TransferEvent): void {
    this.#onEvent?.(event);
  }

  moved(bytes: number, repeatedBytes: number): void {
    this.#transferredBytes += bytes;
    this.#repeatedBytes += repeatedBytes;
    this.#report();
  }

  verified(bytes: number): void {
    this.#verifiedBytes += bytes;
    this.#report();
  }

  /** Counts bytes that an earlier run had verified. */
  resumed(bytes: number): void {
    this.#resumedBytes += bytes;
    this.verified(bytes);
  }

  /** Uncounts verified bytes that have to be fetched again. */
  unverified(bytes: number): void {
    this.#verifiedBytes -= bytes;
    this.#report();
  }

  sizeKnown(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
    this.#report();
  }

  get totals(): TransferTotals {
    return {
      transferredBytes: this.#transferredBytes,
      repeatedBytes: this.#repeatedBytes,
      resumedBytes: this.#resumedBytes,
    };
  }

  #report(): void {
    this.#onEvent?.({
      kind: "progress",
      sizeBytes: this.#sizeBytes,
      verifiedBytes: this.#verifiedBytes,
      ...this.totals,
    });
  }
}

/** Byte counts of a transfer; see ProgressEvent. */
export interface TransferTotals {
  readonly transferredBytes: number;
  readonly repeatedBytes: number;
  readonly resumedBytes: number;
}
