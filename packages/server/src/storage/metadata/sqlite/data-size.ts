/** Bytes that an object or a field takes in addition to its value, roughly. */
const overheadBytes = 16;

/** Estimates the memory that plain data takes on a heap, or in a message to another thread. */
export function dataSizeBytes(data: unknown): number {
  if (typeof data === "string") {
    return overheadBytes + data.length;
  }
  if (typeof data !== "object" || data === null) {
    return overheadBytes;
  }
  if (ArrayBuffer.isView(data)) {
    return overheadBytes + data.byteLength;
  }
  let sizeBytes = overheadBytes;
  for (const value of Object.values(data)) {
    sizeBytes += dataSizeBytes(value);
  }
  return sizeBytes;
}
