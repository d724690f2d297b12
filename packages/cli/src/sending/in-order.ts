/**
 * Yields the results of the work for each item, in the order of the items, while the work for the next ones is in progress. The first failure
 * is thrown in its turn.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, void> {
  const running: Promise<Result>[] = [];
  for await (const item of items) {
    const task = work(item);
    task.catch(() => undefined);
    running.push(task);
    if (running.length >= concurrency) {
      yield await (running.shift() as Promise<Result>);
    }
  }
  for (const task of running) {
    yield await task;
  }
}
