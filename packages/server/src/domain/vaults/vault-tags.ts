import { errors, limits } from "@moraine/protocol";

/** A vault's tags; keys and values are case-sensitive, and a value may be empty. */
export type VaultTags = Readonly<Record<string, string>>;

/** Throws InvalidParameterValueException unless these tags may be added (docs/wire.md#tags): one bad entry refuses all. */
export function assertTags(tags: VaultTags): void {
  assertEntryCount(Object.keys(tags).length, "tags");
  for (const [key, value] of Object.entries(tags)) {
    assertTagKey(key);
    if (lengthOf(value) > limits.tagValueLengthMax || !tagText.test(value)) {
      throw errors.invalidParameter(`Invalid tag value: ${value}`);
    }
  }
}

/** Throws InvalidParameterValueException unless tags of these keys may be removed; they need not be there. */
export function assertTagKeys(keys: readonly string[]): void {
  assertEntryCount(keys.length, "tag keys");
  keys.forEach(assertTagKey);
}

/** Throws LimitExceededException when the vault would have too many; a key that it has is written over, and not counted again. */
export function withTags(tags: VaultTags, added: VaultTags): VaultTags {
  const all = { ...tags, ...added };
  if (Object.keys(all).length > limits.tagsPerVaultMax) {
    throw errors.limitExceeded(`Tag limit exceeded: ${limits.tagsPerVaultMax}`);
  }
  return all;
}

export function withoutTags(tags: VaultTags, keys: readonly string[]): VaultTags {
  const removed = new Set(keys);
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !removed.has(key)));
}

/** AWS's alphabet for tags: letters, digits and spaces of any script, and some marks. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;

function assertTagKey(key: string): void {
  const length = lengthOf(key);
  if (length < 1 || length > limits.tagKeyLengthMax || !tagText.test(key) || key.startsWith("aws:")) {
    throw errors.invalidParameter(`Invalid tag key: ${key}`);
  }
}

function assertEntryCount(count: number, what: string): void {
  if (count < 1 || count > limits.tagsPerRequestMax) {
    throw errors.invalidParameter(`A request must name 1 to ${limits.tagsPerRequestMax} ${what}, not ${count}`);
  }
}

/** In Unicode characters: one outside the basic plane counts once. */
const lengthOf = (text: string): number => [...text].length;
