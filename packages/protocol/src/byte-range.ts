import { errors } from "./errors.ts";
import { limits } from "./limits.ts";

/** Offsets of the first and the last byte, both included; so a range is never empty. */
export interface ByteRange {
  readonly firstByte: number;
  readonly lastByte: number;
}

export function rangeLength(range: ByteRange): number {
  return range.lastByte - range.firstByte + 1;
}

/** `{first}-{last}`, as ListParts and DescribeJob write a range. */
export function formatRange(range: ByteRange): string {
  return `${range.firstByte}-${range.lastByte}`;
}

/** `bytes {first}-{last}/{total}`, the Content-Range of a partial response. */
export function formatContentRange(range: ByteRange, totalBytes: number): string {
  return `bytes ${formatRange(range)}/${totalBytes}`;
}

/**
 * Reads the `Range` header of GetJobOutput against an output of `totalBytes`.
 *
 * Undefined means the whole output: no header, or one that the service ignores (malformed, of another unit, of
 * several ranges, or ending before it starts). An end beyond the output is lowered to the last byte; `bytes=a-` and
 * `bytes=-n` are honoured. A start beyond the output throws InvalidParameterValueException, for there is no 416 here.
 */
export function parseRangeHeader(value: string | undefined, totalBytes: number): ByteRange | undefined {
  const match = /^bytes=([0-9]*)-([0-9]*)$/i.exec(value ?? "");
  if (match === null) return undefined;
  const [header, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  // Beyond 2^53 two numbers can look equal that are not, and a backward range would pass as a forward one.
  if (first !== "" && last !== "" && BigInt(first) > BigInt(last)) return undefined;
  const firstByte = first === "" ? Math.max(0, totalBytes - Number(last)) : Number(first);
  if (firstByte >= totalBytes) throw errors.rangeStartTooLarge(header);
  const lastByte = first === "" || last === "" ? totalBytes - 1 : Math.min(Number(last), totalBytes - 1);
  return { firstByte, lastByte };
}

/**
 * Reads the `Content-Range` of UploadMultipartPart: `bytes {first}-{last}/*`; a number in the place of `*` is allowed
 * and not looked at. Whether the range fits the upload's part size is the caller's to say.
 * Throws InvalidParameterValueException for any other form, and for a last byte before the first.
 */
export function parseContentRange(value: string): ByteRange {
  const match = /^bytes ([0-9]+)-([0-9]+)\/(?:\*|[0-9]+)$/.exec(value);
  const firstByte = Number(match?.[1]);
  const lastByte = Number(match?.[2]);
  if (!(firstByte <= lastByte && lastByte <= Number.MAX_SAFE_INTEGER)) throw errors.invalidContentRange(value);
  return { firstByte, lastByte };
}

/**
 * Reads InitiateJob's RetrievalByteRange for an archive of `archiveSizeBytes`. It starts at a multiple of 1 MiB, and
 * ends before one or with the archive (Glacier developer guide); else InvalidParameterValueException.
 */
export function parseRetrievalByteRange(value: string, archiveSizeBytes: number): ByteRange {
  const match = /^([0-9]+)-([0-9]+)$/.exec(value);
  const firstByte = Number(match?.[1]);
  const lastByte = Number(match?.[2]);
  const isInside = firstByte <= lastByte && lastByte < archiveSizeBytes;
  const isAligned = isMultiple(firstByte) && (isMultiple(lastByte + 1) || lastByte + 1 === archiveSizeBytes);
  if (!(isInside && isAligned)) throw errors.invalidRetrievalByteRange(value);
  return { firstByte, lastByte };
}

function isMultiple(offset: number): boolean {
  return offset % limits.partSizeBytesMin === 0;
}
