/**
 * Does the work for each item, for a number of them at the same time. The next item is taken only when its work can begin. The first failure
 * aborts the others' signal, and is thrown once all have ended.
 */
export async function inParallel<Item>(
  items: AsyncIterable<Item>,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  { concurrency, signal }: { readonly concurrency: number; readonly signal: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const iterator = items[Symbol.asyncIterator]();
  const worker = async () => {
    try {
      while (!either.aborted) {
        const next = await iterator.next();
        if (next.done) {
          return;
        }
        await work(next.value, either);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    await iterator.return?.();
  }
  either.throwIfAborted();
}
