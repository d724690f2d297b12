/** Repeats a bounded step until it comes out short: then nothing is left. */
export async function inBatches(signal: AbortSignal, limit: number, step: () => Promise<number>): Promise<void> {
  while (!signal.aborted && (await step()) === limit) {
    // The next batch.
  }
}
