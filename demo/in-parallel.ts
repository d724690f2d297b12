/** Works on all items, this many at a time, started in their order; rejects with the first failure, once all have stopped. */
export async function inParallel<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const outcomes = await Promise.allSettled(
    Array.from({ length: lanes }, async () => {
      for (const [index, item] of queue) {
        await work(item, index);
      }
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) {
    throw failed.reason;
  }
}
