import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openRowSecret } from "../../packages/server/src/auth/keyring.ts";
import type { RowSecret, SealedKeys } from "../../packages/server/src/domain/stores/identity-store.ts";
import { sealedKeysOf } from "../../packages/server/src/storage/metadata/sqlite/sealed-keys.ts";
import { sealRows } from "../../packages/server/test/support/row-secret.ts";

/** Opens the key of the rows of a server's data folder, as the server does. */
export const rowSecretOf =
  (dataFolder: string) =>
  async (sealed: SealedKeys): Promise<RowSecret> =>
    openRowSecret(sealed, { sealingKey: readFileSync(join(dataFolder, "secrets.key")), previous: null, now: 0 });

/** Seals all rows of a folder at rest, after some were written into its database. */
export async function sealRowsOf(dataFolder: string): Promise<void> {
  using database = new DatabaseSync(join(dataFolder, "moraine.db"));
  sealRows(database, await rowSecretOf(dataFolder)(sealedKeysOf(database)));
}
