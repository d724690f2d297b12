import { hash } from "node:crypto";

/** Bytes of a key: SQLite stores integers of 6 bytes, not of 7. */
const keyBytes = 6;

/** Packs an id of the service into bytes: its characters are base64url, of 6 bits each. Returns a string that is none unchanged. */
export function packId(id: string): Uint8Array | string {
  const bytes = Buffer.from(id, "base64url");
  return bytes.toString("base64url") === id ? bytes : id;
}

export function unpackId(packed: Uint8Array | string): string {
  return typeof packed === "string"
    ? packed
    : Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength).toString("base64url");
}

/** Returns 48 bits of a hash. Equal keys do not mean equal texts: 10⁷ of them have one pair in five cases. */
export function textKey(text: string): number {
  return hash("sha256", text, "buffer").readUIntBE(0, keyBytes);
}
