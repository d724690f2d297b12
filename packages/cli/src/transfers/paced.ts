import { setTimeout as sleep } from "node:timers/promises";

/** Yields the items of batches one by one, no faster than the limit. */
export async function* paced<Item>(
  batches: AsyncIterable<readonly Item[]>,
  { perSecondMax, signal }: { readonly perSecondMax: number | null; readonly signal: AbortSignal },
): AsyncGenerator<Item, void, void> {
  let dueAt = performance.now();
  for await (const batch of batches) {
    for (const item of batch) {
      if (perSecondMax !== null) {
        const wait = dueAt - performance.now();
        if (wait > 0) {
          await sleep(wait, undefined, { signal });
        }
        dueAt = Math.max(dueAt, performance.now() - 1000) + 1000 / perSecondMax;
      }
      yield item;
    }
  }
}
