import { type Keyring, openedKeyring } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { dataKeysOf, sealingKeyName, sealingKeyOf } from "../sealing-key.ts";
import type { Verification } from "../verification.ts";

const pageRows = 500;

/** Opens each secret with the sealing key. Without one nothing can be said. */
export async function checkSecrets(verification: Verification): Promise<void> {
  const sealingKey = sealingKeyOf(verification);
  if (sealingKey === null) {
    return;
  }
  const name = verification.sealingKeyFile ?? sealingKeyName;
  if (sealingKey.length !== keyLengthBytes) {
    const message = `${name} must have ${keyLengthBytes} bytes, and has ${sealingKey.length}`;
    verification.found({ code: "secrets", message, file: name });
    return;
  }
  const keyring = keyringOf(verification, sealingKey);
  if (keyring === null) {
    verification.found({
      code: "secrets",
      message: `${name} does not open the database's secrets`,
      file: name,
    });
    return;
  }
  await checkKeys(verification, keyring);
}

function keyringOf(verification: Verification, sealingKey: Buffer): Pick<Keyring, "open"> | null {
  try {
    return openedKeyring(dataKeysOf(verification), sealingKey);
  } catch {
    return null;
  }
}

async function checkKeys(verification: Verification, keyring: Pick<Keyring, "open">): Promise<void> {
  const page = verification.database.prepare(
    `SELECT id, account_id, sealed_secret FROM access_keys WHERE typeof(id) = 'text' AND id > ? ORDER BY id LIMIT ${pageRows}`,
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
    after = nextPlace(after, String(last["id"]));
    await verification.step();
  }
}
