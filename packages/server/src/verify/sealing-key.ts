import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WrappedDataKey } from "../domain/stores/identity-store.ts";
import { ifPresentSync } from "../files/missing.ts";
import type { Verification } from "./verification.ts";

/** The folder's own sealing key. */
export const sealingKeyName = "secrets.key";

/** The key of `--sealing-key`, which must exist, or the folder's own; null when it has none. */
export const sealingKeyOf = ({ folder, sealingKeyFile }: Verification): Buffer | null =>
  sealingKeyFile === null
    ? ifPresentSync(() => readFileSync(join(folder.path, sealingKeyName)))
    : readFileSync(sealingKeyFile);

/** The newest first. */
export const dataKeysOf = ({ database }: Verification): WrappedDataKey[] =>
  database
    .prepare("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id")
    .all()
    .map(({ id, wrapped }) => ({ id: String(id), wrapped: wrapped as Uint8Array }));
