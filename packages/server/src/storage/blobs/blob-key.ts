import { hash, randomBytes } from "node:crypto";
import { invariant } from "../../domain/invariant.ts";

const keysPerShelf = 1024;
const shelfBytes = 2;
const shelfSeedBytes = 8;
/** 96 random bits: an owner whose blobs are written again and again never meets an old name. */
const nonceBytes = 12;

const ownerIdPattern = /^[A-Za-z0-9_-]{1,138}$/;
const namePattern = /^[A-Za-z0-9_-]{1,138}\.[A-Za-z0-9_-]{16}$/;
const keyPattern = new RegExp(`^[0-9a-f]{2}/[0-9a-f]{2}/${namePattern.source.slice(1)}`);

/**
 * Draws keys of the form `ab/cd/<ownerId>.<nonce>`. The shelf `ab/cd` stays the same for a run of keys, so that blobs
 * committed at the same time land in one folder and share its syncs.
 */
export class KeySource {
  readonly #shelfSeed: string;
  #shelves = 0;
  #shelf = "";
  #keysLeft = 0;

  constructor(shelfSeed = newShelfSeed()) {
    this.#shelfSeed = shelfSeed;
  }

  next(ownerId: string): string {
    invariant(ownerIdPattern.test(ownerId), "a blob's owner is one of our own ids");
    if (this.#keysLeft === 0) {
      this.#shelf = shelfOf(this.#shelfSeed, this.#shelves);
      this.#shelves += 1;
      this.#keysLeft = keysPerShelf;
    }
    this.#keysLeft -= 1;
    return `${this.#shelf}/${ownerId}.${randomBytes(nonceBytes).toString("base64url")}`;
  }

  /** The next key comes from a newly drawn shelf. */
  changeShelf(): void {
    this.#keysLeft = 0;
  }
}

/** Only keys that `KeySource` could have drawn ever become a path. */
export function partsOf(key: string): { shelf: string; name: string } {
  invariant(keyPattern.test(key), "a blob's key was drawn by newKey");
  const nameStart = key.lastIndexOf("/") + 1;
  return { shelf: key.slice(0, nameStart - 1), name: key.slice(nameStart) };
}

/** The seed from which the shelves of one run follow. */
export const newShelfSeed = (): string => randomBytes(shelfSeedBytes).toString("hex");

/** The shelves of a seed are as good as random, and can be found again. */
export function shelfOf(shelfSeed: string, index: number): string {
  const digits = hash("sha256", `${shelfSeed}/${index}`).slice(0, 2 * shelfBytes);
  return `${digits.slice(0, 2)}/${digits.slice(2)}`;
}

/** Whether a file within a shelf can be a blob. */
export const isBlobName = (name: string): boolean => namePattern.test(name);

/** Whether a blob can have this name. */
export const isBlobKey = (name: string): boolean => keyPattern.test(name);
