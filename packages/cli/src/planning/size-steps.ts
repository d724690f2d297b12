import type { SizeStep } from "./vault-statistics.ts";

const kibibyte = 1024;
/** Ends of the steps: from a KiB to 4 TiB, in eleven steps that fit on a screen. */
const ends: readonly number[] = [1, 32, 1024, 16 * 1024, 128 * 1024, 1024 ** 2, 16 * 1024 ** 2, 128 * 1024 ** 2]
  .concat([1024 ** 3, 4 * 1024 ** 3])
  .map((count) => count * kibibyte);

/** Counts archives by their sizes. */
export class SizeSteps {
  readonly #archives = [...ends, 0].map(() => 0);
  readonly #bytes = [...ends, 0].map(() => 0);
  largestBytes = 0;

  add(sizeBytes: number): void {
    const index = indexOf(sizeBytes);
    this.#archives[index] = (this.#archives[index] ?? 0) + 1;
    this.#bytes[index] = (this.#bytes[index] ?? 0) + sizeBytes;
    this.largestBytes = Math.max(this.largestBytes, sizeBytes);
  }

  /** Returns the steps from the first to the last that has archives. */
  steps(): SizeStep[] {
    const all = this.#archives.map((archives, index) => ({
      belowBytes: ends[index] ?? null,
      archives,
      bytes: this.#bytes[index] ?? 0,
    }));
    const first = all.findIndex(({ archives }) => archives > 0);
    const last = all.findLastIndex(({ archives }) => archives > 0);
    return first < 0 ? [] : all.slice(first, last + 1);
  }
}

function indexOf(sizeBytes: number): number {
  const index = ends.findIndex((end) => sizeBytes < end);
  return index < 0 ? ends.length : index;
}
