import { randomBytes } from "node:crypto";
import { invariant } from "../../domain/invariant.ts";

const keysPerShelf = 1024;
const shelfBytes = 2;
/** 96 random bits: an owner whose blobs are written again and again never meets an old name. */
const nonceBytes = 12;

const ownerIdPattern = /^[A-Za-z0-9_-]{1,138}$/;
const keyPattern = /^[0-9a-f]{2}\/[0-9a-f]{2}\/[A-Za-z0-9_-]{1,138}\.[A-Za-z0-9_-]{16}$/;

/**
 * Draws keys of the form `ab/cd/<ownerId>.<nonce>`. The shelf `ab/cd` stays the same for a run of keys, so that blobs
 * committed at the same time land in one folder and share its syncs.
 */
export class KeySource {
  #shelf = "";
  #keysLeft = 0;

  next(ownerId: string): string {
    invariant(ownerIdPattern.test(ownerId), "a blob's owner is one of our own ids");
    if (this.#keysLeft === 0) {
      this.#shelf = drawShelf();
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

function drawShelf(): string {
  const digits = randomBytes(shelfBytes).toString("hex");
  return `${digits.slice(0, 2)}/${digits.slice(2)}`;
}
