import type { AccountId } from "@moraine/protocol";
import type { Instant } from "../domain/instant.ts";
import type { MetadataStore } from "../domain/metadata-store.ts";
import type { Keyring, PlainSecret } from "./keyring.ts";
import { newAccessKeyId, newSecret } from "./new-credentials.ts";

export interface RootKeyOptions {
  readonly accountId: AccountId;
  /** The operator's own key, which counts from now on and is active; null to have one made at the first start. */
  readonly given: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  readonly keyring: Keyring;
  readonly now: Instant;
}

/**
 * Sees to it that the account's root can sign. Returns the key when it was made just now: it is shown this once, for only
 * its sealed form is kept.
 */
export async function ensureRootKey(
  metadata: MetadataStore,
  { accountId, given, keyring, now }: RootKeyOptions,
): Promise<PlainSecret | null> {
  if (given !== null) {
    await metadata.putRootKey({ ...keyring.seal({ ...given, accountId }), now });
    return null;
  }
  const existing = await metadata.listAccessKeys({ accountId, userId: null, after: null, limit: 1 });
  if (existing.length > 0) {
    return null;
  }
  const key = { accountId, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  await metadata.putRootKey({ ...keyring.seal(key), now });
  return key;
}
