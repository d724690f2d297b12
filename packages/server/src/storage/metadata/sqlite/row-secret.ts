import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";

/** The key of the rows' MACs, once the writer has asked for it; the threads that follow are given it. */
export class RowSecretOnce {
  readonly #open: (sealed: SealedKeys) => Promise<RowSecret>;
  #key: Uint8Array | null = null;
  #refusal: unknown;

  constructor(open: (sealed: SealedKeys) => Promise<RowSecret>) {
    this.#open = open;
  }

  /** Null before the writer has asked. */
  get key(): Uint8Array | null {
    return this.#key;
  }

  /** Why there is no key; undefined when it was opened, or not asked for. */
  get refusal(): unknown {
    return this.#refusal;
  }

  readonly open = async (sealed: SealedKeys): Promise<RowSecret> => {
    try {
      const secret = await this.#open(sealed);
      this.#key = secret.key;
      return secret;
    } catch (reason) {
      this.#refusal = reason;
      throw reason;
    }
  };
}
