import { open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Reads a secret of the service's own. When there is no file, makes the secret if it may: only the owner can read it then.
 * Rejects when it may not, and when the file is not as long as the secret: a lost key must not be replaced by a new one,
 * for nothing it sealed would open again.
 */
export async function secretFile(path: string, sizeBytes: number, make: (() => Buffer) | null): Promise<Buffer> {
  const existing = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      return null;
    }
    throw error;
  });
  if (existing === null) {
    if (make === null) {
      throw new Error(`${path} is missing, and secrets in the database need it; restore it from a backup`);
    }
    const secret = make();
    await store(path, secret);
    return secret;
  }
  if (existing.length !== sizeBytes) {
    throw new Error(`${path} is damaged: it must hold ${sizeBytes} bytes; restore it from a backup`);
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
