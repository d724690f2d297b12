import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";
import { hashedAhead, type SourcePart } from "../../src/transfers/upload/source-part.ts";

const { treeHash } = digestOfBytes(new Uint8Array(1), "tree");

/** Parts whose linear hashes count how often each was asked for. */
function countedParts(count: number) {
  const hashed = Array.from({ length: count }, () => 0);
  async function* parts(): AsyncGenerator<SourcePart> {
    for (let index = 0; index < count; index += 1) {
      yield {
        index,
        firstByte: index,
        lastByte: index,
        async digest() {
          hashed[index] = (hashed[index] ?? 0) + 1;
          return { treeHash, sha256: `${index}, time ${hashed[index]}` };
        },
        async *open() {},
        release: () => undefined,
      };
    }
  }
  return { parts: parts(), hashed };
}

for (const { ahead, atFirst } of [
  { ahead: 0, atFirst: [1, 0, 0, 0, 0] },
  { ahead: 1, atFirst: [1, 1, 0, 0, 0] },
  { ahead: 3, atFirst: [1, 1, 1, 1, 0] },
]) {
  test(`${ahead} parts are hashed ahead of the requested one, each once, and all are yielded in order`, async () => {
    const { parts, hashed } = countedParts(5);
    const seen: string[] = [];
    for await (const part of hashedAhead(parts, ahead)) {
      if (part.index === 0) {
        assert.deepEqual(hashed, atFirst);
      }
      seen.push((await part.digest()).sha256);
    }
    assert.deepEqual(seen, ["0, time 1", "1, time 1", "2, time 1", "3, time 1", "4, time 1"]);
    assert.deepEqual(hashed, [1, 1, 1, 1, 1]);
  });
}

test("a second call hashes again, since the part may have changed", async () => {
  const { parts } = countedParts(1);
  for await (const part of hashedAhead(parts, 1)) {
    assert.equal((await part.digest()).sha256, "0, time 1");
    assert.equal((await part.digest()).sha256, "0, time 2");
  }
});

test("a part that cannot be hashed fails when its hash is requested, and not before", async () => {
  const { parts } = countedParts(2);
  const broken = async function* (): AsyncGenerator<SourcePart> {
    for await (const part of parts) {
      yield part.index === 0 ? part : { ...part, digest: () => Promise.reject(new Error("unreadable")) };
    }
  };
  const outcomes: string[] = [];
  for await (const part of hashedAhead(broken(), 1)) {
    await new Promise(setImmediate);
    outcomes.push(
      await part.digest().then(
        ({ sha256 }) => sha256,
        (error: Error) => error.message,
      ),
    );
  }
  assert.deepEqual(outcomes, ["0, time 1", "unreadable"]);
});
