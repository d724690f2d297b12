import type { AccountId } from "@moraine/protocol";
import { serviceFacts } from "../domain/audit.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { recordedBy } from "../domain/stores/recorded-changes.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { Keyring, PlainSecret } from "./keyring.ts";
import { newAccessKeyId, newSecret } from "./new-credentials.ts";

export interface RootKeyOptions {
  readonly accountId: AccountId;
  /** The operator's own key, which counts from now on and is active; null to have one made at the first start. */
  readonly given: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  readonly keyring: Keyring;
  /** A key of an earlier start that nobody has seen, because it ended before it could show it; null if there is none. */
  readonly unshownKeyId: string | null;
  readonly now: Instant;
  readonly log: { warn(facts: object, message: string): void };
}

/**
 * Sees to it that the account's root can sign. Returns the key when it was made now, or earlier but never shown: the caller
 * shows it, and then calls `setUnshownKey(null)`.
 */
export async function ensureRootKey(
  metadata: MetadataStore,
  { accountId, given, keyring, unshownKeyId, now, log }: RootKeyOptions,
): Promise<PlainSecret | null> {
  const reason = given === null ? "the first start" : "the environment's key";
  const recorded = recordedBy(metadata, {
    facts: () => serviceFacts({ time: now, operation: "PutRootKey", accountId, reason }),
  });
  if (given !== null) {
    const { replaced, others } = await recorded.giveRootKey({ ...keyring.seal({ ...given, accountId }), now });
    if (replaced.length > 0) {
      log.warn({ accessKeyIds: replaced }, "the key of the root that an earlier start was given is inactive now");
    }
    if (others.length > 0) {
      log.warn({ accessKeyIds: others }, "other keys of the root are still active, which no start was given");
    }
    if (unshownKeyId !== null) {
      await metadata.setUnshownKey(null);
    }
    return null;
  }
  const unshown = unshownKeyId === null ? null : await metadata.findAccessKey(unshownKeyId);
  if (unshown !== null) {
    return { accountId, accessKeyId: unshown.accessKeyId, secretAccessKey: keyring.open(unshown) };
  }
  const existing = await metadata.listAccessKeys({ accountId, userId: null, after: null, limit: 1 });
  if (existing.length > 0) {
    return null;
  }
  const key = { accountId, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  // Before the key: one that exists without this note would never be shown.
  await metadata.setUnshownKey(key.accessKeyId);
  await recorded.putRootKey({ ...keyring.seal(key), now });
  return key;
}
