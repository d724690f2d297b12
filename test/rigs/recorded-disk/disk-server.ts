import { fstatSync, openSync, readSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { appendEntry, appendFlush } from "./disk-log.ts";

// Serves a folder over FUSE, in which each file is a disk: disk-server.ts LOG IMAGE…, with /dev/fuse, already mounted, as descriptor 3.
// Writes and flushes are made on the images and appended to the log before they are reported as done. One process serves all
// disks, one request after another, so that the log has one order. The shapes are those of the kernel's fuse.h.

interface Disk {
  readonly name: string;
  readonly file: number;
  readonly sizeBytes: number;
}

const fuse = 3;
const writeBytesMax = 1024 ** 2;
const requestHeadBytes = 40;
const responseHeadBytes = 16;
const none = Buffer.alloc(0);
const operation = { lookup: 1, getattr: 3, open: 14, read: 15, write: 16, release: 18, fsync: 20, flush: 25, init: 26 };
/** FORGET, INTERRUPT and BATCH_FORGET have no response. */
const unanswered: ReadonlySet<number> = new Set([2, 36, 42]);
const errorCodes = { noEntry: 2, notImplemented: 38 };
const rootNode = 1;
/** A disk's node is its number from here on. */
const firstNode = 2;
/** The kernel may keep names and attributes: nobody else changes them. */
const validSeconds = 3600n;
const folderMode = 0o40700;
const fileMode = 0o100600;

const [logPath = "", ...images] = process.argv.slice(2);
const log = openSync(logPath, "a");
const disks = images.map((path): Disk => {
  const file = openSync(path, "r+");
  return { name: basename(path), file, sizeBytes: fstatSync(file).size };
});
serve();

function serve(): void {
  const buffer = Buffer.alloc(writeBytesMax + 2 * 4096);
  for (let request = nextRequest(buffer); request !== null; request = nextRequest(buffer)) {
    const code = request.readUInt32LE(4);
    if (!unanswered.has(code)) {
      respond(request, respondTo(code, Number(request.readBigUInt64LE(16)), request.subarray(requestHeadBytes)));
    }
  }
}

/** Returns null when the folder was unmounted. */
function nextRequest(buffer: Buffer): Buffer | null {
  try {
    return buffer.subarray(0, readSync(fuse, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENODEV") {
      return null;
    }
    throw error;
  }
}

function respond(request: Buffer, result: Buffer | number): void {
  const [error, body] = typeof result === "number" ? [-result, none] : [0, result];
  const head = Buffer.alloc(responseHeadBytes);
  head.writeUInt32LE(responseHeadBytes + body.length);
  head.writeInt32LE(error, 4);
  request.copy(head, 8, 8, 16);
  writeSync(fuse, Buffer.concat([head, body]));
}

/** Returns the body of the response, or the code of an error. Discards are among what is not implemented: the kernel does without. */
function respondTo(code: number, node: number, body: Buffer): Buffer | number {
  const disk = disks[node - firstNode];
  switch (code) {
    case operation.init:
      return initialized();
    case operation.lookup:
      return found(body.subarray(0, -1).toString());
    case operation.getattr:
      return Buffer.concat([longs(validSeconds, 0n), attributesOf(node)]);
    case operation.open:
      return opened();
    case operation.release:
    case operation.flush:
      return none;
    default:
      return disk === undefined ? errorCodes.notImplemented : transfer(code, node - firstNode, disk, body);
  }
}

function transfer(code: number, number: number, { file }: Disk, body: Buffer): Buffer | number {
  if (code === operation.fsync) {
    appendFlush(log, number);
    return none;
  }
  const offset = Number(code === operation.read || code === operation.write ? body.readBigUInt64LE(8) : 0);
  if (code === operation.read) {
    const bytes = Buffer.alloc(body.readUInt32LE(16));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  }
  if (code === operation.write) {
    const bytes = body.subarray(40);
    writeSync(file, bytes, 0, bytes.length, offset);
    appendEntry(log, number, offset, bytes);
    return longs(BigInt(bytes.length));
  }
  return errorCodes.notImplemented;
}

function initialized(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(7);
  bytes.writeUInt32LE(31, 4);
  // FUSE_BIG_WRITES and FUSE_MAX_PAGES.
  bytes.writeUInt32LE((1 << 5) | (1 << 22), 12);
  bytes.writeUInt32LE(writeBytesMax, 20);
  bytes.writeUInt32LE(1, 24);
  bytes.writeUInt16LE(writeBytesMax / 4096, 28);
  return bytes;
}

function found(name: string): Buffer | number {
  const index = disks.findIndex((disk) => disk.name === name);
  const node = index + firstNode;
  return index === -1
    ? errorCodes.noEntry
    : Buffer.concat([longs(BigInt(node), 0n, validSeconds, validSeconds, 0n), attributesOf(node)]);
}

function attributesOf(node: number): Buffer {
  const bytes = Buffer.alloc(88);
  bytes.writeBigUInt64LE(BigInt(node));
  bytes.writeBigUInt64LE(BigInt(disks[node - firstNode]?.sizeBytes ?? 0), 8);
  bytes.writeUInt32LE(node === rootNode ? folderMode : fileMode, 60);
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(4096, 80);
  return bytes;
}

/** Past the page cache, which would hold back writes that the log must show. */
function opened(): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(1, 8);
  return bytes;
}

function longs(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) {
    bytes.writeBigUInt64LE(value, 8 * index);
  }
  return bytes;
}
