import { hash } from "node:crypto";
import { type SealedTableName, sealedTables } from "./sealed-columns.ts";

export type SealedValue = string | number | bigint | Uint8Array | null;
export type SealedValues = Readonly<Record<string, SealedValue>>;

const blockSizeBytes = 64;
export const digestSizeBytes = 32;
export const macSizeBytes = 16;

/** First byte of a value's encoding. */
const tags = { null: 0, integer: 1, real: 2, text: 3, blob: 4, missing: 5 } as const;
const numberSizeBytes = 8;
const headSizeBytes = 5;
/** The longest UTF-8 of one UTF-16 code unit. */
const unitSizeBytesMax = 3;
const twoTo32 = 2 ** 32;
/** Loops are faster than calls for so few bytes. */
const shortMax = 64;
const asciiMax = 0x7f;

/**
 * Computes HMAC-SHA-256 of rows. Hashes in one call, over blocks that hold the key already: `createHmac` takes twice as long for the few
 * hundred bytes of a row.
 */
export class RowHasher {
  readonly #tables: Readonly<Record<SealedTableName, TableEncoder>>;
  /** The outer key block, and room for the inner digest. */
  readonly #outer: Buffer;

  /** @param key 32 bytes that are not in the database. */
  constructor(key: Uint8Array) {
    this.#outer = Buffer.concat([padded(key, 0x5c), Buffer.alloc(digestSizeBytes)]);
    const inner = padded(key, 0x36);
    const encoders = Object.entries(sealedTables).map(([name, { columns }]) => [
      name,
      new TableEncoder(inner, name, columns),
    ]);
    this.#tables = Object.fromEntries(encoders) as Record<SealedTableName, TableEncoder>;
  }

  /** The digest as Latin-1: strings of it are made and compared faster than buffers. */
  digest(table: SealedTableName, row: SealedValues): string {
    const inner = hash("sha256", this.#tables[table].encode(row), "binary");
    this.#outer.write(inner, blockSizeBytes, "latin1");
    return hash("sha256", this.#outer, "binary");
  }
}

export const macOf = (digest: string): Buffer => Buffer.from(digest.slice(0, macSizeBytes), "latin1");

function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(blockSizeBytes, pad);
  for (const [at, byte] of key.entries()) {
    block[at] = byte ^ pad;
  }
  return block;
}

/** Encodes rows of a table after the inner key block. No two rows, of whatever tables, have the same encoding or begin alike. */
class TableEncoder {
  readonly #columns: readonly string[];
  readonly #start: number;
  #buffer: Buffer;

  constructor(keyBlock: Buffer, table: string, columns: readonly string[]) {
    const name = Buffer.from(table);
    this.#columns = columns;
    this.#buffer = Buffer.concat([keyBlock, Buffer.of(name.length), name, Buffer.of(columns.length)]);
    this.#start = this.#buffer.length;
  }

  /** Key block and row. Overwritten by the next call. */
  encode(row: SealedValues): Uint8Array {
    this.#makeRoomFor(row);
    let at = this.#start;
    for (const column of this.#columns) {
      at = this.#write(row[column], at);
    }
    return this.#buffer.subarray(0, at);
  }

  /** @param value undefined when the row has no such column: a damaged schema has another name for it */
  #write(value: SealedValue | undefined, at: number): number {
    if (typeof value === "string") {
      return this.#writeText(value, at);
    }
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      this.#buffer[at] = tags.integer;
      writeWord(this.#buffer, Math.floor(value / twoTo32), at + 1);
      return writeWord(this.#buffer, value, at + headSizeBytes);
    }
    if (value === null || value === undefined) {
      this.#buffer[at] = value === null ? tags.null : tags.missing;
      return at + 1;
    }
    if (typeof value === "object") {
      return this.#writeBlob(value, at);
    }
    if (typeof value === "bigint") {
      this.#buffer[at] = tags.integer;
      return this.#buffer.writeBigInt64BE(value, at + 1);
    }
    this.#buffer[at] = tags.real;
    return this.#buffer.writeDoubleBE(value, at + 1);
  }

  #writeText(text: string, at: number): number {
    const buffer = this.#buffer;
    const from = at + headSizeBytes;
    const sizeBytes =
      text.length <= shortMax && writeAscii(buffer, text, from) ? text.length : buffer.write(text, from);
    buffer[at] = tags.text;
    writeWord(buffer, sizeBytes, at + 1);
    return from + sizeBytes;
  }

  #writeBlob(bytes: Uint8Array, at: number): number {
    const buffer = this.#buffer;
    const from = at + headSizeBytes;
    buffer[at] = tags.blob;
    writeWord(buffer, bytes.length, at + 1);
    if (bytes.length <= shortMax) {
      for (let index = 0; index < bytes.length; index += 1) {
        buffer[from + index] = bytes[index] ?? 0;
      }
    } else {
      buffer.set(bytes, from);
    }
    return from + bytes.length;
  }

  #makeRoomFor(row: SealedValues): void {
    let sizeBytes = this.#start + this.#columns.length * (1 + numberSizeBytes);
    for (const column of this.#columns) {
      const value = row[column];
      if (typeof value === "string") {
        sizeBytes += value.length * unitSizeBytesMax;
      } else if (value instanceof Uint8Array) {
        sizeBytes += value.length;
      }
    }
    if (sizeBytes > this.#buffer.length) {
      const grown = Buffer.alloc(2 * sizeBytes);
      this.#buffer.copy(grown, 0, 0, this.#start);
      this.#buffer = grown;
    }
  }
}

/** The low 32 bits of a number, big-endian. Returns the position after them. */
function writeWord(buffer: Buffer, value: number, at: number): number {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
  return at + 4;
}

/** False when the text is not ASCII; then some of it may have been written. */
function writeAscii(buffer: Buffer, text: string, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > asciiMax) {
      return false;
    }
    buffer[at + index] = code;
  }
  return true;
}
