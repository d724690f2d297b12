import { open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Reads a secret of the service's own, or makes it the first time; only the owner may read the file. Rejects when the file
 * is shorter than the secret: a lost key must not be replaced by a new one, for nothing it sealed would open again.
 */
export async function secretFile(path: string, make: () => Buffer): Promise<Buffer> {
  const secret = make();
  const existing = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      return null;
    }
    throw error;
  });
  if (existing === null) {
    await store(path, secret);
    return secret;
  }
  if (existing.length !== secret.length) {
    throw new Error(`${path} is damaged: it must hold ${secret.length} bytes; restore it from a backup`);
  }
  return existing;
}

async function store(path: string, secret: Buffer): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.write(secret);
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
