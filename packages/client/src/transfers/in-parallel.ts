import { assertCount } from "../assert-count.ts";
import { orAborted } from "../http/retry.ts";

/**
 * Does the work for each item, for at most `concurrency` of them at the same time. The next item is taken only when its work can begin. The
 * first failure aborts the others' signal, and is thrown once all have ended, so that no work is left running. Memory does not grow with the
 * number of items, of which there may be millions.
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
  const source = new Turns(items);
  const lane = async () => {
    try {
      for (let next = await source.next(either); !next.done; next = await source.next(either)) {
        await work(next.value, either);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  source.leave();
  either.throwIfAborted();
}

/** Gives each caller the next item, one caller after the other, also if the items' iterator expects to be asked only once at a time. */
class Turns<Item> {
  readonly #iterator: AsyncIterator<Item> | Iterator<Item>;
  #last: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  constructor(items: Iterable<Item> | AsyncIterable<Item>) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /** Rejects when the signal aborts, even while it waits for an item: a pipe may never give another. */
  async next(signal: AbortSignal): Promise<IteratorResult<Item, unknown>> {
    signal.throwIfAborted();
    const turn = this.#last.then(() => this.#take(signal));
    this.#last = turn.catch(() => undefined);
    // A promise that settles late must not be raced against again and again: it would keep something of each race.
    return orAborted(turn, signal);
  }

  /** Lets the iterator clean up. Not awaited: one that is waiting for its next item would end only then. */
  leave(): void {
    Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
  }

  async #take(signal: AbortSignal): Promise<IteratorResult<Item, unknown>> {
    if (this.#hasEnded || signal.aborted) {
      return { done: true, value: undefined };
    }
    const next = await this.#iterator.next();
    this.#hasEnded = next.done === true;
    return next;
  }
}
