import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type KeyringOptions, openRowSecret } from "../auth/keyring.ts";
import { keyLengthBytes } from "../auth/sealed-box.ts";
import { systemClock } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import { invariant } from "../domain/invariant.ts";
import type { RowSecret, SealedKeys } from "../domain/stores/identity-store.ts";
import { secretFile } from "../secrets/secret-file.ts";

type Keys = Pick<KeyringOptions, "sealingKey" | "previous">;

/** The keys that seal secrets now and did before, if the operator changes them; they are read when the database is opened. */
export class SealingKeys {
  readonly #config: Pick<Config, "sealingKeyFile" | "previousSealingKeyFile">;
  readonly #folder: string | null;
  #opened: Keys | null = null;

  /** @param folder where the default key is; null when there is none, and one is always given. */
  constructor(config: Pick<Config, "sealingKeyFile" | "previousSealingKeyFile">, folder: string | null) {
    this.#config = config;
    this.#folder = folder;
  }

  get opened(): Keys {
    invariant(this.#opened !== null, "a database is opened with its keys");
    return this.#opened;
  }

  /** Reads the keys, and opens the key of the database's rows. Rejects when they are missing, damaged or not the database's. */
  readonly rowSecret = async (sealed: SealedKeys): Promise<RowSecret> => {
    this.#opened = await this.#read(sealed);
    return openRowSecret(sealed, { ...this.#opened, now: systemClock.now() });
  };

  #defaultFolder(): string {
    invariant(this.#folder !== null, "a sealing key is given where there is no folder for it");
    return this.#folder;
  }

  /** The default key is made only while nothing is sealed. */
  async #read({ dataKeys, unwrappedSecrets }: SealedKeys): Promise<Keys> {
    const { sealingKeyFile, previousSealingKeyFile } = this.#config;
    const isSealed = dataKeys.length + unwrappedSecrets.length > 0;
    const make = isSealed ? null : () => randomBytes(keyLengthBytes);
    const fileOf = (path: string) => secretFile(path, keyLengthBytes, null);
    return {
      sealingKey:
        sealingKeyFile === null
          ? await secretFile(join(this.#defaultFolder(), "secrets.key"), keyLengthBytes, make)
          : await fileOf(sealingKeyFile),
      previous: previousSealingKeyFile === null ? null : await fileOf(previousSealingKeyFile),
    };
  }
}
