import { hash } from "node:crypto";
import { invariant } from "../../../domain/invariant.ts";

// Ids, keys and hashes as bytes: the only place that knows how they are packed. docs/storage-format.md describes it.

/** The 64 digits of ids in the order of their character codes, so that packed ids sort as their text does. */
const digits = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const values = new Uint8Array(128);
for (let value = 0; value < digits.length; value += 1) {
  values[digits.charCodeAt(value)] = value;
}

/** An archive's id has 138 digits, which fill 104 bytes; a job's has 92, which fill 69. */
const packedPattern = /^(?:[A-Za-z0-9_-]{138}|[A-Za-z0-9_-]{92})$/;
const packedSizes: readonly number[] = [104, 69];

/** Enough to tell any two ids apart: 128 of their random bits. */
const headSizeBytes = 16;

const keyPattern = /^([0-9a-f]{2})\/([0-9a-f]{2})\/[A-Za-z0-9_-]+\.([A-Za-z0-9_-]{16})$/;
const keySizeBytes = 14;

/** An id in two columns: what finds and sorts it, and what only completes it. */
export interface PackedId {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** An id of another form is kept as its UTF-8. */
export function packId(id: string): PackedId {
  const bytes = packedPattern.test(id) ? packDigits(id) : Buffer.from(id);
  return { head: bytes.subarray(0, headSizeBytes), tail: bytes.subarray(headSizeBytes) };
}

export function unpackId({ head, tail }: PackedId): string {
  const bytes = Buffer.concat([head, tail]);
  return packedSizes.includes(bytes.length) ? unpackDigits(bytes) : bytes.toString();
}

export const packHead = (id: string): Uint8Array => packId(id).head;
export const packTail = (id: string): Uint8Array => packId(id).tail;

/** A key without its owner's id: the shard folder (2 bytes) and the nonce (12). One of another form is kept as its UTF-8. */
export function packKey(key: string): Uint8Array {
  const [, first, second, nonce] = keyPattern.exec(key) ?? [];
  if (first === undefined || second === undefined || nonce === undefined) {
    return Buffer.from(key);
  }
  return Buffer.concat([Buffer.from(first + second, "hex"), Buffer.from(nonce, "base64url")]);
}

/** Whether these are the bytes of a key that the server has drawn. */
export const isPackedKey = (name: unknown): name is Uint8Array =>
  name instanceof Uint8Array && name.length === keySizeBytes;

export function unpackKey(name: Uint8Array, ownerId: string): string {
  const bytes = bufferOf(name);
  if (bytes.length !== keySizeBytes) {
    return bytes.toString();
  }
  const folder = bytes.toString("hex", 0, 2);
  return `${folder.slice(0, 2)}/${folder.slice(2)}/${ownerId}.${bytes.toString("base64url", 2)}`;
}

export function packHash(hash: string): Uint8Array {
  const bytes = Buffer.from(hash, "hex");
  invariant(bytes.length * 2 === hash.length, "a hash is written in hexadecimal digits");
  return bytes;
}

export const unpackHash = (bytes: Uint8Array): string => bufferOf(bytes).toString("hex");

/** Keys of requests are long and only compared, so their SHA-256 stands for them. */
export const hashRequest = (key: string): Uint8Array => hash("sha256", key, "buffer");

export const areEqual = (one: Uint8Array, other: Uint8Array): boolean => bufferOf(one).equals(other);

function packDigits(text: string): Uint8Array {
  const bytes = Buffer.alloc(Math.ceil((text.length * 6) / 8));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let index = 0; index < text.length; index += 1) {
    held = ((held << 6) | (values[text.charCodeAt(index)] ?? 0)) & 0xffff;
    heldBits += 6;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[at] = held >> heldBits;
      at += 1;
    }
  }
  if (heldBits > 0) {
    bytes[at] = held << (8 - heldBits);
  }
  return bytes;
}

function unpackDigits(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 6));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    heldBits += 8;
    while (heldBits >= 6 && at < text.length) {
      heldBits -= 6;
      text[at] = digits.charCodeAt((held >> heldBits) & 63);
      at += 1;
    }
  }
  return text.toString("latin1");
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
