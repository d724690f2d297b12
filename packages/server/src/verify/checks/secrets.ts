import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Keyring, openedKeyring } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import { ifPresentSync } from "../../files/missing.ts";
import type { Verification } from "../verification.ts";

const name = "secrets.key";
const pageRows = 500;

/** Opens each secret with `secrets.key`. A key elsewhere, of `--sealing-key`, cannot be checked. */
export async function checkSecrets(verification: Verification): Promise<void> {
  const sealingKey = ifPresentSync(() => readFileSync(join(verification.folder.path, name)));
  if (sealingKey === null) {
    return;
  }
  if (sealingKey.length !== keyLengthBytes) {
    const message = `${name} must have ${keyLengthBytes} bytes, and has ${sealingKey.length}`;
    verification.found({ code: "secrets", message, file: name });
    return;
  }
  const keyring = keyringOf(verification, sealingKey);
  if (keyring === null) {
    verification.found({ code: "secrets", message: `${name} does not open the database's secrets`, file: name });
    return;
  }
  await checkKeys(verification, keyring);
}

function keyringOf({ database }: Verification, sealingKey: Buffer): Pick<Keyring, "open"> | null {
  const keys = database.prepare("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC").all();
  try {
    return openedKeyring(
      keys.map(({ id, wrapped }) => ({ id: String(id), wrapped: wrapped as Uint8Array })),
      sealingKey,
    );
  } catch {
    return null;
  }
}

async function checkKeys(verification: Verification, keyring: Pick<Keyring, "open">): Promise<void> {
  const page = verification.database.prepare(
    `SELECT id, account_id, sealed_secret FROM access_keys WHERE id > ? ORDER BY id LIMIT ${pageRows}`,
  );
  for (let after = ""; ; ) {
    const rows = page.all(after);
    for (const row of rows) {
      const accessKeyId = String(row["id"]);
      const sealedSecret = row["sealed_secret"] as Uint8Array;
      try {
        keyring.open({ accessKeyId, accountId: String(row["account_id"]) as never, sealedSecret });
      } catch {
        verification.found({ code: "secrets", message: `the secret of the access key ${accessKeyId} does not open` });
      }
    }
    const last = rows.at(-1);
    if (last === undefined) {
      return;
    }
    after = String(last["id"]);
    await verification.step();
  }
}
