import { BitField } from "./bit-field.ts";
import type { Bucket, LocationLists } from "./location-lists.ts";

/** The result of a comparison of a manifest with the target's list. */
export interface Comparison {
  /** Entries whose location has a later entry, which replaced them. */
  readonly replaced: BitField;
  /** Entries whose location is not listed, or with another size. */
  readonly differing: BitField;
}

/** Compares both lists. @param onExtra called with each location that the manifest lacks */
export async function compareLists(
  lists: LocationLists,
  entries: number,
  onExtra: (location: string) => void,
): Promise<Comparison> {
  const result = { replaced: new BitField(entries), differing: new BitField(entries) };
  for await (const bucket of lists.buckets()) {
    for (const nameOffset of compareBucket(bucket, result)) {
      onExtra(await lists.nameAt(nameOffset));
    }
  }
  return result;
}

/** Returns the places of the names of locations that the manifest lacks. */
function compareBucket({ recorded, listed }: Bucket, { replaced, differing }: Comparison): number[] {
  const sizes = new Map(listed.map(({ key, sizeBytes }) => [key, sizeBytes]));
  const last = new Map<string, number>();
  for (const { key, entry, sizeBytes } of recorded) {
    const earlier = last.get(key);
    if (earlier !== undefined) {
      replaced.set(earlier);
    }
    last.set(key, entry);
    if (sizes.get(key) !== sizeBytes) {
      differing.set(entry);
    }
  }
  return listed.flatMap(({ key, nameOffset }) => (last.has(key) ? [] : [nameOffset]));
}
