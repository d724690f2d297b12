import { closeSync, openSync, readSync } from "node:fs";
import { ifPresentSync } from "../../../../files/missing.ts";

/**
 * The database's log (`-wal`), as it lies on the disk before SQLite opens it. SQLite silently ignores all of it from the
 * first frame on that does not fit; whether a crash explains such a frame is decided here.
 *
 * - `empty`: missing, or without a header.
 * - `whole`: it ends as a log does, perhaps with a transaction that was cut short.
 * - `torn`: its last transaction is there in part, and not from its beginning. A power cut does that to a transaction that
 *   was not acknowledged; damage could have done it to one that was.
 * - `damaged`: a transaction was written after one that does not fit. SQLite begins a transaction only after the one before
 *   is durable, so no crash explains it.
 */
export type LogState = "empty" | "whole" | "torn" | "damaged";

const headerBytes = 32;
const frameHeaderBytes = 24;
const formatVersion = 3_007_000;
/** The last bit says in which order the bytes of a word are summed. */
const magic = 0x377f0682;

/** https://www.sqlite.org/fileformat2.html#walformat describes what is read here. */
export function examineLog(path: string): LogState {
  const file = ifPresentSync(() => openSync(path, "r"));
  if (file === null) {
    return "empty";
  }
  try {
    return examine(file);
  } finally {
    closeSync(file);
  }
}

function examine(file: number): LogState {
  const header = Buffer.alloc(headerBytes);
  if (readSync(file, header, 0, headerBytes, 0) < headerBytes || header.every((byte) => byte === 0)) {
    return "empty";
  }
  const pageBytes = header.readUInt32BE(8);
  const sum = checksumOf((header.readUInt32BE(0) & 1) === 0);
  const isSound =
    header.readUInt32BE(0) >>> 1 === magic >>> 1 &&
    header.readUInt32BE(4) === formatVersion &&
    isPageSize(pageBytes) &&
    isSame(sum({ a: 0, b: 0 }, header.subarray(0, 24)), checksumAt(header, 24));
  if (!isSound) {
    return "damaged";
  }
  return examineFrames(file, { pageBytes, salts: header.subarray(16, 24), start: checksumAt(header, 24), sum });
}

function examineFrames(file: number, layout: LogLayout): LogState {
  const frame = Buffer.alloc(frameHeaderBytes + layout.pageBytes);
  const chain = new FrameChain(layout);
  for (let position = headerBytes; readWhole(file, frame, position); position += frame.length) {
    chain.add(frame);
  }
  return chain.state;
}

interface LogLayout {
  readonly pageBytes: number;
  /** Frames with others are left over from before the log was last restarted. */
  readonly salts: Buffer;
  /** The header's checksum, from which the first frame's continues. */
  readonly start: Checksum;
  readonly sum: Sum;
}

/** Each frame's checksum continues the one before it. */
class FrameChain {
  state: LogState = "whole";
  readonly #salts: Buffer;
  readonly #sum: Sum;
  #isUnbroken = true;
  #isAfterCommit = false;
  /** The checksums that the next frame's may continue. */
  #sums: readonly Checksum[];

  constructor({ salts, start, sum }: LogLayout) {
    this.#salts = salts;
    this.#sum = sum;
    this.#sums = [start];
  }

  add(frame: Buffer): void {
    const isCurrent = frame.subarray(8, 16).equals(this.#salts);
    const stored = checksumAt(frame, 16);
    const continued = isCurrent || this.#isUnbroken ? this.#sums.map((from) => sumOfFrame(this.#sum, from, frame)) : [];
    if (isCurrent && continued.some((one) => isSame(one, stored))) {
      this.#addFitting();
      this.#sums = [stored];
    } else {
      // The next frame continues what this one says, or what it said before it was damaged.
      this.#sums = this.#isUnbroken ? [stored, ...continued] : [stored];
      this.#isUnbroken = false;
    }
    if (isCurrent && !this.#isUnbroken && this.state === "whole") {
      this.state = "torn";
    }
    this.#isAfterCommit = frame.readUInt32BE(4) !== 0;
  }

  #addFitting(): void {
    if (!this.#isUnbroken && this.#isAfterCommit) {
      this.state = "damaged";
    }
  }
}

function sumOfFrame(sum: Sum, from: Checksum, frame: Buffer): Checksum {
  return sum(sum(from, frame.subarray(0, 8)), frame.subarray(frameHeaderBytes));
}

interface Checksum {
  readonly a: number;
  readonly b: number;
}

type Sum = (from: Checksum, bytes: Buffer) => Checksum;

function checksumOf(littleEndian: boolean): Sum {
  return ({ a, b }, bytes) => {
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let first = a;
    let second = b;
    for (let at = 0; at < bytes.length; at += 8) {
      first = (first + words.getUint32(at, littleEndian) + second) >>> 0;
      second = (second + words.getUint32(at + 4, littleEndian) + first) >>> 0;
    }
    return { a: first, b: second };
  };
}

function checksumAt(bytes: Buffer, at: number): Checksum {
  return { a: bytes.readUInt32BE(at), b: bytes.readUInt32BE(at + 4) };
}

const isSame = (one: Checksum, other: Checksum): boolean => one.a === other.a && one.b === other.b;

const isPageSize = (bytes: number): boolean => bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;

function readWhole(file: number, into: Buffer, position: number): boolean {
  return readSync(file, into, 0, into.length, position) === into.length;
}
