import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ifPresentSync } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import { readPrivateFile } from "./private-file.ts";

/**
 * Reads a secret of the service's own. When `make` is given, nothing is sealed yet: then a missing file is made, readable
 * by its owner alone, and a file that is too short is replaced, as an earlier version could leave one behind when it was
 * killed. Otherwise rejects when the file is missing or has another length: a lost key must not be replaced by a new one,
 * for nothing it sealed would open again.
 */
export async function secretFile(path: string, sizeBytes: number, make: (() => Buffer) | null): Promise<Buffer> {
  const existing = ifPresentSync(() => readPrivateFile(path));
  if (existing?.length === sizeBytes) {
    return existing;
  }
  if (make !== null && (existing === null || existing.length < sizeBytes)) {
    const secret = make();
    await store(path, secret, existing === null ? link : rename);
    return secret;
  }
  throw new Error(
    existing === null
      ? `${path} is missing, and secrets in the database need it; restore it from a backup`
      : `${path} is damaged: it must hold ${sizeBytes} bytes; restore it from a backup`,
  );
}

/** Makes or replaces a file for its owner alone; durable when it resolves. */
export const writeSecretFile = (path: string, secret: Buffer): Promise<void> => store(path, secret, rename);

/** Writes next to the file and syncs before the file gets its name: no crash leaves a part of a secret under it. */
async function store(path: string, secret: Buffer, publish: typeof link | typeof rename): Promise<void> {
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  const file = await open(partial, "wx", 0o600);
  try {
    await file.writeFile(secret);
    await file.sync();
  } finally {
    await file.close();
  }
  await publish(partial, path);
  await rm(partial, { force: true });
  await syncPath(dirname(path));
}
