import { readSync, writeSync } from "node:fs";

// The writes and flushes of disks, in their order: a head for each entry, and after it the bytes that were written.

const headBytes = 16;

/** A write, or a flush of the disk's cache: all earlier writes to that disk are durable after it. */
export interface DiskEntry {
  readonly kind: "write" | "flush";
  /** The disk's number, from 0. */
  readonly disk: number;
  /** Where a write begins on its disk. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Where the entry lies in the log. */
  readonly beginsAt: number;
  readonly endsAt: number;
}

/** Appends an entry in one call to the system, so that the log's length always lies between two entries. */
export function appendEntry(log: number, disk: number, offset: number, bytes: Uint8Array): void {
  const head = Buffer.alloc(headBytes);
  head.writeBigUInt64LE(BigInt(offset));
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(disk, 12);
  writeSync(log, Buffer.concat([head, bytes]));
}

export const appendFlush = (log: number, disk: number): void => appendEntry(log, disk, 0, new Uint8Array());

/** Reads the heads of all entries. The bytes stay in the log. */
export function readEntries(log: number): DiskEntry[] {
  const entries: DiskEntry[] = [];
  const head = Buffer.alloc(headBytes);
  for (let beginsAt = 0; readSync(log, head, 0, headBytes, beginsAt) === headBytes; ) {
    const sizeBytes = head.readUInt32LE(8);
    const endsAt = beginsAt + headBytes + sizeBytes;
    entries.push({
      kind: sizeBytes === 0 ? "flush" : "write",
      disk: head.readUInt32LE(12),
      offset: Number(head.readBigUInt64LE()),
      ...{ sizeBytes, beginsAt, endsAt },
    });
    beginsAt = endsAt;
  }
  return entries;
}

export function readBytes(log: number, { beginsAt, sizeBytes }: DiskEntry): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  readSync(log, bytes, 0, sizeBytes, beginsAt + headBytes);
  return bytes;
}
