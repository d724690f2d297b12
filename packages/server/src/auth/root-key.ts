import { randomBytes, randomInt } from "node:crypto";
import type { AccountId } from "@moraine/protocol";
import type { AccessKey } from "../domain/credential-store.ts";
import type { Instant } from "../domain/instant.ts";
import type { MetadataStore } from "../domain/metadata-store.ts";
import { sealAccessKey } from "./sealed-credentials.ts";

export interface RootKeyOptions {
  readonly accountId: AccountId;
  /** The operator's own key; null to have one made at the first start. */
  readonly given: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  readonly sealingKey: Buffer;
  readonly now: Instant;
}

/**
 * Sees to it that the account's root can sign. Returns the key when it was made just now: it is shown this once, for only
 * its sealed form is kept.
 */
export async function ensureRootKey(
  metadata: MetadataStore,
  { accountId, given, sealingKey, now }: RootKeyOptions,
): Promise<AccessKey | null> {
  if (given !== null) {
    await metadata.putAccessKey({ ...sealAccessKey({ ...given, accountId }, sealingKey), now });
    return null;
  }
  const existing = await metadata.listAccessKeys(accountId);
  if (existing.length > 0) {
    return null;
  }
  const key = { accountId, accessKeyId: newAccessKeyId(), secretAccessKey: randomBytes(30).toString("base64") };
  await metadata.putAccessKey({ ...sealAccessKey(key, sealingKey), now });
  return key;
}

/** In the form of AWS's ids, which some tools check: `AKIA` and 16 letters or digits. */
function newAccessKeyId(): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return `AKIA${Array.from({ length: 16 }, () => letters[randomInt(letters.length)]).join("")}`;
}
