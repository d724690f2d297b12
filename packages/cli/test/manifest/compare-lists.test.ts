import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { compareLists } from "../../src/manifest/check/compare-lists.ts";
import { LocationLists } from "../../src/manifest/check/location-lists.ts";

interface Located {
  readonly location: string;
  readonly sizeBytes: number;
}

/** Compares by the files, and in memory. */
async function compared(recorded: readonly Located[], listed: readonly Located[]) {
  await using folder = await temporaryFolder(memoryFolder);
  const path = join(folder.path, "lists");
  const extra: string[] = [];
  let result: { replaced: number[]; differing: number[] };
  {
    await using lists = await LocationLists.open(path);
    for (const [entry, { location, sizeBytes }] of recorded.entries()) {
      await lists.record(location, entry, sizeBytes);
    }
    for (const { location, sizeBytes } of listed) {
      await lists.list(location, sizeBytes);
    }
    const { replaced, differing } = await compareLists(lists, recorded.length, (location) => extra.push(location));
    const numbers = recorded.map((_, entry) => entry);
    result = {
      replaced: numbers.filter((entry) => replaced.has(entry)),
      differing: numbers.filter((entry) => differing.has(entry)),
    };
  }
  assert.deepEqual(await readdir(folder.path), [], "nothing is left");
  return { ...result, extra: new Set(extra) };
}

function expected(recorded: readonly Located[], listed: readonly Located[]) {
  const sizes = new Map(listed.map(({ location, sizeBytes }) => [location, sizeBytes]));
  const numbers = recorded.map((_, entry) => entry);
  const isLater = (entry: number) =>
    recorded.some(({ location }, later) => later > entry && location === recorded[entry]?.location);
  return {
    replaced: numbers.filter(isLater),
    differing: numbers.filter((entry) => sizes.get(recorded[entry]?.location ?? "") !== recorded[entry]?.sizeBytes),
    extra: new Set([...sizes.keys()].filter((location) => !recorded.some((one) => one.location === location))),
  };
}

test("lists in files are compared as they would be in memory", async () => {
  const located = fc.record({ location: fc.constantFrom("a", "b", "c/d", "ü", "€"), sizeBytes: fc.nat(3) });
  const distinct = { selector: ({ location }: Located) => location };
  const lists = fc.tuple(fc.array(located, { maxLength: 8 }), fc.uniqueArray(located, distinct));
  await fc.assert(
    fc.asyncProperty(lists, async ([recorded, listed]) => {
      assert.deepEqual(await compared(recorded, listed), expected(recorded, listed));
    }),
    { numRuns: 15 },
  );
});

test("many locations, long names and large sizes are compared", async () => {
  const all = Array.from({ length: 6000 }, (_, index) => ({
    location: `${index}/${"x".repeat(index % 500 === 0 ? 70_000 : 20)}`,
    sizeBytes: 40_000_000_000_000 - index,
  }));
  const { replaced, differing, extra } = await compared(all.slice(1000), all.slice(0, 5500));
  assert.deepEqual([replaced.length, differing.length, differing[0]], [0, 500, 4500]);
  assert.deepEqual(extra, new Set(all.slice(0, 1000).map(({ location }) => location)));
});
