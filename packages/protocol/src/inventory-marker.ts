import type { ArchiveId } from "./ids.ts";
import { idLengths } from "./ids.ts";

/** A place in a vault's inventory, which is in the order of creation date and then of archive id, by bytes. */
export interface InventoryPosition {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly archiveId: ArchiveId;
}

/**
 * Makes the marker of the last item on a page: 139 characters of base64url, as AWS's are, good for as long as the
 * vault exists, even when that archive is gone.
 *
 * Date and id together are too long for that, so the id's last 12 characters are left out; the 126 that remain hold
 * 756 random bits, and no two archives share them. A date outside 1970 to 10889 throws a RangeError.
 */
export function encodeInventoryMarker(position: InventoryPosition): string {
  const body = version + encodeNumber(position.createdAt, dateLength) + position.archiveId.slice(0, prefixLength);
  return body + encodeNumber(checksum(body), checksumLength);
}

/**
 * Reads a marker; undefined if this service cannot have issued it. The next page is all that comes *after* the
 * position: its archive id is the greatest that begins as the marked one does, so that one does not come again.
 */
export function decodeInventoryMarker(text: string): InventoryPosition | undefined {
  if (text.length !== idLengths.inventoryMarker || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const body = text.slice(0, -checksumLength);
  if (!body.startsWith(version) || text !== body + encodeNumber(checksum(body), checksumLength)) return undefined;
  const createdAt = decodeNumber(body.slice(version.length, version.length + dateLength));
  const archiveId = body.slice(version.length + dateLength).padEnd(idLengths.archive, greatestDigit);
  return { createdAt, archiveId: archiveId as ArchiveId };
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Greatest by bytes, though not by value. */
const greatestDigit = "z";

const version = "A";
const dateLength = 8;
const checksumLength = 4;
const prefixLength = idLengths.inventoryMarker - version.length - dateLength - checksumLength;

function encodeNumber(value: number, length: number): string {
  if (!(Number.isInteger(value) && value >= 0 && value < 64 ** length)) throw new RangeError(`out of range: ${value}`);
  let text = "";
  for (let rest = value; text.length < length; rest = Math.floor(rest / 64)) text = digits.charAt(rest % 64) + text;
  return text;
}

function decodeNumber(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 64 + digits.indexOf(digit);
  return value;
}

/** 24 bits of FNV-1a. It tells markers from other tokens; it is no protection, and none is needed. */
function checksum(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % 64 ** checksumLength;
}
