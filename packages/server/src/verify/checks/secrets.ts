import { type Keyring, openedKeyring } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import type { AccessKeyRow } from "../../storage/metadata/tables/schema.ts";
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
  const keyring = await keyringOf(verification, sealingKey);
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

async function keyringOf({ rows }: Verification, sealingKey: Buffer): Promise<Pick<Keyring, "open"> | null> {
  try {
    return openedKeyring(await dataKeysOf(rows), sealingKey);
  } catch {
    return null;
  }
}

async function checkKeys(verification: Verification, keyring: Pick<Keyring, "open">): Promise<void> {
  const columns = "id, account_id, sealed_secret";
  for await (const rows of verification.pages<AccessKeyRow>({ table: "access_keys", columns, pageRows })) {
    for (const { id, account_id: accountId, sealed_secret: sealedSecret } of rows) {
      const accessKeyId = String(id);
      try {
        keyring.open({ accessKeyId, accountId: String(accountId) as never, sealedSecret });
      } catch {
        verification.found({ code: "secrets", message: `the secret of the access key ${accessKeyId} does not open` });
      }
    }
  }
}
