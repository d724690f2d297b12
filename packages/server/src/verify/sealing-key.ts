import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WrappedDataKey } from "../domain/stores/identity-store.ts";
import { ifPresentSync } from "../files/missing.ts";
import type { RowReader } from "../storage/metadata/row-reader.ts";
import type { Verification } from "./verification.ts";

/** The folder's own sealing key. */
export const sealingKeyName = "secrets.key";

/** The key of `--sealing-key`, which must exist, or the folder's own; null when there is none. */
export function sealingKeyOf({ place: { folder }, sealingKeyFile }: Verification): Buffer | null {
  if (sealingKeyFile !== null) {
    return readFileSync(sealingKeyFile);
  }
  return folder === null ? null : ifPresentSync(() => readFileSync(join(folder.path, sealingKeyName)));
}

/** The newest first. */
export async function dataKeysOf({ select }: Pick<RowReader, "select">): Promise<WrappedDataKey[]> {
  const rows = await select("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id", []);
  return rows.map(({ id, wrapped }) => ({ id: String(id), wrapped: wrapped as Uint8Array }));
}
