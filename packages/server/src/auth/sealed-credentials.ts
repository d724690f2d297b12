import { millisecondsPer } from "@moraine/protocol";
import { type Node, onlyNode } from "../domain/node.ts";
import type { AccessKey, CredentialState, CredentialStore } from "../domain/stores/credential-store.ts";
import type { StoredAccessKey } from "../domain/stores/identity-store.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Keyring } from "./keyring.ts";

/** Bounds how long a key works that somebody has disabled in the database itself. */
const cacheMilliseconds = 5 * millisecondsPer.minute;
const cachedKeysMax = 1000;
/** Changes by other nodes are not seen here: what was read longer ago is read again before it allows anything. */
const unseenMilliseconds = 500;

/** Finds keys in the metadata and opens them; those in use are remembered for a few minutes, unless other nodes may change them. */
export class SealedCredentialStore implements CredentialStore {
  readonly #metadata: UnrecordedMetadata;
  readonly #keyring: Keyring;
  readonly #isShared: boolean;
  #known = new Map<string, { readonly key: AccessKey; readonly until: number }>();
  #version = 0;

  constructor(metadata: UnrecordedMetadata, keyring: Keyring, { isShared }: Pick<Node, "isShared"> = onlyNode) {
    this.#metadata = metadata;
    this.#keyring = keyring;
    this.#isShared = isShared;
  }

  state(): CredentialState {
    return { version: this.#version, readAt: performance.now() };
  }

  isCurrent({ version, readAt }: CredentialState): boolean {
    return version === this.#version && !(this.#isShared && performance.now() - readAt > unseenMilliseconds);
  }

  async findAccessKey(accessKeyId: string): Promise<AccessKey | null> {
    const known = this.#known;
    const remembered = known.get(accessKeyId);
    if (remembered !== undefined && remembered.until > performance.now()) {
      return remembered.key;
    }
    const stored = await this.#metadata.findAccessKey(accessKeyId);
    if (stored?.active !== true) {
      known.delete(accessKeyId);
      return null;
    }
    const key = opened(stored, this.#keyring);
    if (known.size >= cachedKeysMax) {
      known.clear();
    }
    // If all was forgotten while this was looked up, it goes where nobody looks: it may be what had to be forgotten.
    known.set(accessKeyId, { key, until: performance.now() + (this.#isShared ? 0 : cacheMilliseconds) });
    return key;
  }

  /** To be called after a change of keys, users, accounts or policies: what was read before counts no more. */
  forgetAll(): void {
    this.#version += 1;
    this.#known = new Map();
  }
}

function opened(stored: StoredAccessKey, keyring: Keyring): AccessKey {
  const { accessKeyId, accountId, user, session, createdAt } = stored;
  const secretAccessKey = keyring.open(stored);
  return { accessKeyId, accountId, secretAccessKey, user, session: session && { ...session, issuedAt: createdAt } };
}
