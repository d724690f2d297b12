import { assertCount } from "../assert-count.ts";

/**
 * Does the work for each item, so many at once, taking the next item only when it can begin. The first failure stops the
 * others through their signal; it is thrown once all have ended, so that nothing goes on behind the caller's back.
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

/** Waits for no item any longer than the signal allows: a pipe may never give another. */
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
    // Not waited for: one that is waiting itself answers only then.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
