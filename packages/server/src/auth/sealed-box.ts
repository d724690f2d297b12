import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** AES-256-GCM with a random nonce: `nonce | tag | ciphertext`. Whoever opens must name what the box was bound to. */
const cipher = "aes-256-gcm";
const nonceLength = 12;
const tagLength = 16;

/** The length of every key here. */
export const keyLengthBytes = 32;

export function sealBox(key: Buffer, boundTo: string, content: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const seal = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(boundTo));
  const encrypted = Buffer.concat([seal.update(content), seal.final()]);
  return Buffer.concat([nonce, seal.getAuthTag(), encrypted]);
}

/** Throws when the box was sealed with another key, bound to something else, or changed. */
export function openBox(key: Buffer, boundTo: string, box: Uint8Array): Buffer {
  const tagEnd = nonceLength + tagLength;
  const open = createDecipheriv(cipher, key, box.subarray(0, nonceLength), { authTagLength: tagLength })
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(box.subarray(nonceLength, tagEnd));
  return Buffer.concat([open.update(box.subarray(tagEnd)), open.final()]);
}
