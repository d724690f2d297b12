import { assertCount } from "../assert-count.ts";

/**
 * Does the work for each item, for at most `concurrency` of them at the same time. The next item is taken only when its work can begin. The
 * first failure aborts the others' signal, and is thrown once all have ended, so that no work is left running.
 */
export async function inParallel<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  concurrency: number,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  assertCount("concurrency", concurrency);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const running = new Set<Promise<void>>();
  try {
    for await (const item of untilAborted(items, either)) {
      const task = work(item, either)
        .catch((error: unknown) => stop.abort(error))
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= concurrency) {
        await Promise.race(running);
      }
    }
  } catch (error) {
    stop.abort(error);
  }
  await Promise.all(running);
  either.throwIfAborted();
}

/** Yields items until the signal aborts, even while it waits for one: a pipe may never give another. */
async function* untilAborted<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, void> {
  const iterator =
    Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : (items[Symbol.iterator]() as Iterator<Item>);
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done) {
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: an iterator that is waiting for its next item would end only then.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
