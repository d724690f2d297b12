import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { PartialFile } from "../../src/transfers/download/files/partial-file.ts";
import { LocalFileError } from "../../src/transfers/transfer-errors.ts";

const mebibyte = 1024 ** 2;
const tmpfsType = 0x01021994;
const folder = await mkdtemp(join(tmpdir(), "moraine-partial-"));
after(() => rm(folder, { recursive: true }));

const content = Buffer.from(Array.from({ length: 3 * mebibyte }, (_, index) => (index ^ (index >> 9)) & 255));

async function* piecesOf(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = Uint8Array.from(bytes.subarray(start, start + pieceBytes));
    yield piece;
    piece.fill(0); // Its memory is used again.
  }
}

const filesAtWork = () => process.getActiveResourcesInfo().filter((name) => name === "FSReqPromise").length;

async function withPartial(sizeBytes: number, use: (partial: PartialFile, path: string) => Promise<void>) {
  const path = join(folder, "partial");
  const partial = await PartialFile.open(path, sizeBytes);
  try {
    await use(partial, path);
  } finally {
    await partial.close();
    await rm(path);
  }
}

test("the file has the bytes at their position and nothing else, whatever the position and the pieces", async () => {
  const places = fc.oneof(fc.integer({ min: 0, max: mebibyte }), fc.constantFrom(0, 4096, mebibyte, mebibyte + 512));
  const lengths = fc.oneof(fc.integer({ min: 1, max: content.length }), fc.constantFrom(4096, mebibyte, 2 * mebibyte));
  const property = async (position: number, length: number, pieceBytes: number) => {
    const sizeBytes = position + length + 100;
    await withPartial(sizeBytes, async (partial, path) => {
      const bytes = content.subarray(0, length);
      await partial.write(piecesOf(bytes, pieceBytes), position);
      await partial.sync();
      const expected = Buffer.concat([Buffer.alloc(position), bytes, Buffer.alloc(100)]);
      assert.ok((await readFile(path)).equals(expected));
    });
  };
  await fc.assert(fc.asyncProperty(places, lengths, fc.integer({ min: 5000, max: 2 * mebibyte }), property), {
    numRuns: 60,
  });
});

test("ranges may be written at the same time", async () => {
  await withPartial(4 * content.length, async (partial, path) => {
    const positions = [0, 1, 2, 3].map((index) => index * content.length);
    await Promise.all(positions.map((position) => partial.write(piecesOf(content, 300_000), position)));
    assert.ok((await readFile(path)).equals(Buffer.concat(positions.map(() => content))));
  });
});

for (const { ranges, peak } of [
  { ranges: 1, peak: 3 },
  { ranges: 24, peak: 16 },
]) {
  test(`${ranges} ranges of three blocks have ${peak} blocks being written at once`, async () => {
    const bytes = Buffer.concat([content, content]);
    let most = 0;
    await withPartial(ranges * bytes.length, async (partial) => {
      const before = filesAtWork();
      const watched = async function* () {
        yield* piecesOf(bytes, 2 * mebibyte);
        most = Math.max(most, filesAtWork() - before);
      };
      const positions = Array.from({ length: ranges }, (_, index) => index * bytes.length);
      await Promise.all(positions.map((position) => partial.write(watched(), position)));
    });
    assert.equal(most, peak);
  });
}

test("an interrupted attempt has no pending writes that could overlap the next one's", async () => {
  await withPartial(content.length, async (partial, path) => {
    const before = filesAtWork();
    const broken = new Error("the connection is gone");
    const breaking = async function* () {
      yield Buffer.alloc(mebibyte - 1, 255);
      yield Buffer.alloc(1, 255); // The byte that fills the block, so that it is being written.
      throw broken;
    };
    await assert.rejects(partial.write(breaking(), 0), broken);
    assert.equal(filesAtWork(), before);
    await partial.write(piecesOf(content, 400_000), 0);
    assert.ok((await readFile(path)).equals(content));
  });
});

test("reports write failures as LocalFileError", async () => {
  const partial = await PartialFile.open(join(folder, "closed"), content.length);
  await partial.close();
  await assert.rejects(partial.write(piecesOf(content, 400_000), 0), LocalFileError);
});

test("large content is written past the page cache, if the file system supports that", async () => {
  await withPartial(content.length + 7, async (partial, path) => {
    await partial.write(piecesOf(Buffer.concat([content, Buffer.alloc(7)]), 400_000), 0);
    await partial.sync();
    const { stdout } = await promisify(execFile)("fincore", ["--bytes", "--noheadings", "--output", "RES", path]);
    const isMemory = (await statfs(folder)).type === tmpfsType;
    assert.equal(Number(stdout) >= content.length, isMemory, `${stdout.trim()} bytes are in the page cache`);
  });
});
