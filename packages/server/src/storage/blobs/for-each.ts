/**
 * Works on items, some at once.
 * @param work must not reject.
 */
export async function forEach<Item>(
  items: readonly Item[],
  atOnceMax: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const takeTurns = async () => {
    for (const item of left) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, takeTurns));
}
