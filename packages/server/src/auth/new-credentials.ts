import { hash, randomBytes, randomInt, timingSafeEqual } from "node:crypto";

/** In the form of AWS's ids, which some tools check: four letters for the kind, and 16 letters or digits. */
export const newAccessKeyId = (): string => `AKIA${randomLetters(16)}`;
export const newSessionKeyId = (): string => `ASIA${randomLetters(16)}`;
export const newUserId = (): string => `AIDA${randomLetters(17)}`;
export const newSecret = (): string => randomBytes(30).toString("base64");
export const newSessionToken = (): string => randomBytes(60).toString("base64");

/** Tokens are random, so a plain hash of one tells nothing of it. */
export const hashOfToken = (token: string): Buffer => hash("sha256", token, "buffer");

/** In constant time. */
export function isToken(token: string, tokenHash: Uint8Array): boolean {
  return timingSafeEqual(hashOfToken(token), tokenHash);
}

function randomLetters(length: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join("");
}
