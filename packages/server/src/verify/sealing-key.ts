import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WrappedDataKey } from "../domain/stores/identity-store.ts";
import { ifPresentSync } from "../files/missing.ts";
import type { Verification } from "./verification.ts";

/** The folder's own sealing key. A key elsewhere, of `--sealing-key`, cannot be read here. */
export const sealingKeyName = "secrets.key";

/** Null when the folder has none. */
export const sealingKeyOf = ({ folder }: Verification): Buffer | null =>
  ifPresentSync(() => readFileSync(join(folder.path, sealingKeyName)));

/** The newest first. */
export const dataKeysOf = ({ database }: Verification): WrappedDataKey[] =>
  database
    .prepare("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id")
    .all()
    .map(({ id, wrapped }) => ({ id: String(id), wrapped: wrapped as Uint8Array }));
