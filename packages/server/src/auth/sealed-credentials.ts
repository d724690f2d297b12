import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { AccessKey, CredentialStore } from "../domain/credential-store.ts";
import type { MetadataStore, SealedAccessKey } from "../domain/metadata-store.ts";

/** SigV4 needs the secret itself, so a hash of it would not do: it is encrypted, and whoever has the database alone has none. */
const cipher = "aes-256-gcm";
const version = 1;
const nonceLength = 12;
const tagLength = 16;
/** A key that was disabled elsewhere works no longer than this here. */
const cacheMilliseconds = 5 * 60 * 1000;
const cachedKeysMax = 1000;

/** @param sealingKey 32 bytes that are kept apart from the database. */
export function sealAccessKey(key: AccessKey, sealingKey: Buffer): SealedAccessKey {
  const { accessKeyId, accountId, secretAccessKey } = key;
  const nonce = randomBytes(nonceLength);
  const seal = createCipheriv(cipher, sealingKey, nonce).setAAD(boundTo(key));
  const encrypted = Buffer.concat([seal.update(secretAccessKey, "utf8"), seal.final()]);
  const sealedSecret = Buffer.concat([Buffer.of(version), nonce, seal.getAuthTag(), encrypted]);
  return { accessKeyId, accountId, sealedSecret };
}

/** Throws when the secret was sealed with another key, for another access key, or was changed. */
export function openAccessKey(sealed: SealedAccessKey, sealingKey: Buffer): AccessKey {
  const { accessKeyId, accountId } = sealed;
  const bytes = Buffer.from(sealed.sealedSecret);
  if (bytes[0] !== version) {
    throw new Error(`The secret of access key ${accessKeyId} is sealed in a way this version does not know`);
  }
  const nonceEnd = 1 + nonceLength;
  const tagEnd = nonceEnd + tagLength;
  const open = createDecipheriv(cipher, sealingKey, bytes.subarray(1, nonceEnd), { authTagLength: tagLength })
    .setAAD(boundTo(sealed))
    .setAuthTag(bytes.subarray(nonceEnd, tagEnd));
  const secretAccessKey = Buffer.concat([open.update(bytes.subarray(tagEnd)), open.final()]).toString("utf8");
  return { accessKeyId, accountId, secretAccessKey };
}

/** A sealed secret that is moved to another row does not open. */
const boundTo = ({ accessKeyId, accountId }: { accessKeyId: string; accountId: string }): Buffer =>
  Buffer.from(`${version}/${accountId}/${accessKeyId}`);

/** Finds keys in the metadata and opens them; those in use are remembered for a few minutes. */
export class SealedCredentialStore implements CredentialStore {
  readonly #metadata: MetadataStore;
  readonly #sealingKey: Buffer;
  readonly #known = new Map<string, { readonly key: AccessKey; readonly until: number }>();

  constructor(metadata: MetadataStore, sealingKey: Buffer) {
    this.#metadata = metadata;
    this.#sealingKey = sealingKey;
  }

  async findAccessKey(accessKeyId: string): Promise<AccessKey | null> {
    const known = this.#known.get(accessKeyId);
    if (known !== undefined && known.until > performance.now()) {
      return known.key;
    }
    const sealed = await this.#metadata.findAccessKey(accessKeyId);
    if (sealed === null) {
      this.#known.delete(accessKeyId);
      return null;
    }
    const key = openAccessKey(sealed, this.#sealingKey);
    this.#remember(key);
    return key;
  }

  #remember(key: AccessKey): void {
    if (this.#known.size >= cachedKeysMax) {
      this.#known.clear();
    }
    this.#known.set(key.accessKeyId, { key, until: performance.now() + cacheMilliseconds });
  }
}
