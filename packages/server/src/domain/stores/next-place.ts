type Value = number | bigint | string | Uint8Array | null;
/** The key of a row. */
type Place = Value | readonly Value[];

/**
 * Error thrown when rows that were read in the order of their keys are not in it. Only a damaged database returns such rows, and
 * reading on from the last of them might never end.
 */
export class UnorderedRowsError extends Error {
  override readonly name = "UnorderedRowsError";
}

/**
 * The key of a page's last row, from which on the next page is read.
 * @param after from where the page was read
 * @throws UnorderedRowsError when it does not come after that
 */
export function nextPlace<Last extends Place>(after: Place, last: Last): Last {
  if (compare(last, after) <= 0) {
    throw new UnorderedRowsError(
      `the database is damaged: rows are not in the order of their keys (${textOf(last)} follows ${textOf(after)})`,
    );
  }
  return last;
}

/** Compares as the databases do: by kinds, and text by its bytes. */
function compare(one: Place, other: Place): number {
  const [values, others] = [listOf(one), listOf(other)];
  const differences = values.map((value, index) => compareValues(value, others[index] ?? null));
  return differences.find((difference) => difference !== 0) ?? 0;
}

const listOf = (place: Place): readonly Value[] =>
  place === null || typeof place !== "object" || place instanceof Uint8Array ? [place] : place;

function compareValues(one: Value, other: Value): number {
  if (isNumber(one) && isNumber(other)) {
    return one > other ? 1 : one < other ? -1 : 0;
  }
  const kinds = kindOf(one) - kindOf(other);
  return kinds === 0 ? Buffer.compare(bytesOf(one), bytesOf(other)) : kinds;
}

const kindOf = (value: Value): number => (value === null ? 0 : isNumber(value) ? 1 : typeof value === "string" ? 2 : 3);

const bytesOf = (value: Value): Uint8Array =>
  value instanceof Uint8Array ? value : Buffer.from(value?.toString() ?? "");

const isNumber = (value: Value): value is number | bigint => typeof value === "number" || typeof value === "bigint";

const textOf = (place: Place): string =>
  listOf(place)
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value)))
    .join(", ");
