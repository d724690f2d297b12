import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { examineLog } from "../../src/storage/metadata/sqlite/log/log-file.ts";

// The log is SQLite's own; what a power cut and what damage make of it is made here, frame by frame.

const headerBytes = 32;
const frameBytes = 24 + 4096;
const transactions = 12;

let folder: string;
let path: string;
/** As it was after the last commit. The first half of the file has been written over since the log was restarted. */
let log: Buffer;
/** For each transaction, its first frame and the one after its last. */
let bounds: ReadonlyArray<readonly [first: number, end: number]>;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "log-file-test-"));
  path = join(folder, "examined-wal");
  log = makeLog(join(folder, "made.db"));
  bounds = boundsOf(log);
  assert.equal(bounds.length, transactions);
});
after(() => rmSync(folder, { recursive: true }));

test("a log that does not exist, or has no header, is empty", () => {
  assert.equal(examineLog(join(folder, "none-wal")), "empty");
  assert.equal(examined(Buffer.alloc(0)), "empty");
  assert.equal(examined(Buffer.alloc(headerBytes - 1, 1)), "empty");
  assert.equal(examined(Buffer.alloc(4096)), "empty");
});

test("a log that was closed by no one is whole, with what an earlier round left after its end", () => {
  assert.equal(examined(log), "whole");
  assert.ok((log.length - headerBytes) / frameBytes > endOf(transactions - 1), "frames of an earlier round are there");
});

test("a log that ends within a transaction, as a kill leaves it, is whole", () => {
  for (let frame = 1; frame <= endOf(transactions - 1); frame += 1) {
    assert.equal(examined(log.subarray(0, headerBytes + frame * frameBytes)), "whole");
    assert.equal(examined(log.subarray(0, headerBytes + frame * frameBytes - 1000)), "whole");
  }
});

describe("a power cut during the last transaction", () => {
  for (const [what, lost] of [
    ["zeros", (_frame: number) => Buffer.alloc(frameBytes)],
    ["an earlier round's frame", (frame: number) => staleFrame(frame)],
    [
      "half of the frame",
      (frame: number) => Buffer.concat([frameAt(frame).subarray(0, 2048), Buffer.alloc(frameBytes - 2048)]),
    ],
    ["the header alone", (frame: number) => Buffer.concat([frameAt(frame).subarray(0, 24), Buffer.alloc(4096)])],
  ] as const) {
    test(`leaves no damage, whichever of its frames are lost: ${what}`, () => {
      let images = 0;
      for (const { name, image } of imagesWithout(lost)) {
        assert.notEqual(examined(image), "damaged", name);
        images += 1;
      }
      assert.ok(images > 100);
    });
  }

  test("is distinguished from a kill when a later frame of the transaction exists", () => {
    const [first, end] = bounds.find(([first, end]) => end - first > 2) ?? [0, 0];
    const image = Buffer.from(log.subarray(0, positionOf(end)));
    flip(image, positionOf(first) + 24 + 100);
    assert.equal(examined(image), "torn");
    image.fill(0, positionOf(first), positionOf(first + 1));
    assert.equal(examined(image), "torn");
    image.fill(0, positionOf(first), positionOf(end));
    assert.equal(examined(image), "whole");
  });

  test("leaves no damage where a longer transaction was interrupted before, at the same place", () => {
    const end = endOf(transactions - 1);
    const foreign = makeLog(join(folder, "foreign.db"));
    const [from, to] = boundsOf(foreign).find(([first, end]) => end - first > 3) ?? [0, 0];
    const image = Buffer.from(log);
    for (let frame = from; frame < to; frame += 1) {
      const position = positionOf(end + frame - from);
      foreign.copy(image, position, positionOf(frame), positionOf(frame + 1));
      // Written in the same round, and so with its salts.
      log.copy(image, position + 8, 16, 24);
    }
    assert.equal(examined(image), "torn");
    flip(image, positionOf(end - 1) + 24);
    assert.equal(examined(image), "torn");
  });
});

describe("damage to a transaction that others follow", () => {
  test("is found whichever bit of a frame's header or page is flipped", () => {
    for (let frame = 0; frame < endOf(transactions - 2); frame += 1) {
      for (const position of [0, 3, 9, 14, 17, 22, 24, 24 + 1000, 24 + 4095]) {
        const image = Buffer.from(log);
        flip(image, positionOf(frame) + position);
        assert.equal(examined(image), "damaged", `frame ${frame}, byte ${position}`);
      }
    }
  });

  test("is found when whole stretches are zeros, as long as two transactions follow", () => {
    for (let first = 0; first < transactions - 3; first += 1) {
      for (let last = first; last < transactions - 2; last += 1) {
        const image = Buffer.from(log);
        image.fill(0, positionOf(startOf(first)) + 100, positionOf(endOf(last)));
        assert.equal(examined(image), "damaged", `transactions ${first} to ${last}`);
      }
    }
  });

  test("is found in the header", () => {
    for (let position = 0; position < headerBytes; position += 1) {
      const image = Buffer.from(log);
      flip(image, position);
      assert.equal(examined(image), "damaged", `byte ${position}`);
    }
  });
});

/** For each transaction, as the last one, an image for each choice of its frames that may be lost. */
function* imagesWithout(lost: (frame: number) => Buffer): Generator<{ name: string; image: Buffer }> {
  for (const [first, end] of bounds) {
    for (let losses = 1; losses < 2 ** (end - first); losses += 1) {
      const image = Buffer.from(log.subarray(0, positionOf(end)));
      for (let frame = first; frame < end; frame += 1) {
        const isLost = ((losses >> (frame - first)) & 1) === 1;
        (isLost ? lost(frame) : frameAt(frame)).copy(image, positionOf(frame));
      }
      yield { name: `frames ${first} to ${end}, losses ${losses.toString(2)}`, image };
    }
  }
}

/** Transactions of one to frames, in a log that has been restarted once: the rest of its first round is longer. */
function makeLog(database: string): Buffer {
  const writer = new DatabaseSync(database);
  writer.exec(
    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)",
  );
  const insert = writer.prepare("INSERT INTO rows (text) VALUES (?)");
  const commit = (count: number) => {
    writer.exec("BEGIN");
    for (let row = 0; row < count; row += 1) {
      insert.run("x".repeat(3000));
    }
    writer.exec("COMMIT");
  };
  for (let round = 0; round < 40; round += 1) {
    commit(3);
  }
  writer.exec("PRAGMA wal_checkpoint(RESTART)");
  for (let index = 0; index < transactions; index += 1) {
    commit(1 + (index % 4));
  }
  const copy = `${database}-copy`;
  copyFileSync(`${database}-wal`, copy);
  writer.close();
  return readFileSync(copy);
}

function boundsOf(image: Buffer): Array<readonly [number, number]> {
  const found: Array<readonly [number, number]> = [];
  let first = 0;
  for (let frame = 0; positionOf(frame) + frameBytes <= image.length; frame += 1) {
    const start = positionOf(frame);
    if (!image.subarray(start + 8, start + 16).equals(image.subarray(16, 24))) {
      break;
    }
    if (image.readUInt32BE(start + 4) !== 0) {
      found.push([first, frame + 1]);
      first = frame + 1;
    }
  }
  return found;
}

function positionOf(frame: number): number {
  return headerBytes + frame * frameBytes;
}

function frameAt(frame: number): Buffer {
  return log.subarray(positionOf(frame), positionOf(frame + 1));
}

function startOf(transaction: number): number {
  return bounds[transaction]?.[0] ?? 0;
}

function endOf(transaction: number): number {
  return bounds[transaction]?.[1] ?? 0;
}

/** One that is there from before the restart. */
function staleFrame(frame: number): Buffer {
  return frameAt(endOf(transactions - 1) + (frame % 5));
}

function flip(image: Buffer, position: number): void {
  image[position] = (image[position] ?? 0) ^ 8;
}

function examined(image: Buffer): string {
  writeFileSync(path, image);
  return examineLog(path);
}
