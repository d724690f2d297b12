import { chmod, open } from "node:fs/promises";

/** Changes one bit of a stored file, which is read-only. */
export async function flipBit(file: string, position: number, bit = 0): Promise<void> {
  await chmod(file, 0o600);
  const handle = await open(file, "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  await handle.write(byte, 0, 1, position);
  await handle.close();
}
