import type { GlacierHttp } from "./glacier-http.ts";

/** Creates a vault with an archive of each description, of 1 byte, 2 bytes and so on, and resolves to their ids. */
export async function filledVault(
  http: GlacierHttp,
  vault: string,
  descriptions: readonly string[],
): Promise<readonly string[]> {
  await http.createVault(vault);
  const ids: string[] = [];
  for (const [at, description] of descriptions.entries()) {
    ids.push(await http.uploadArchive(vault, Buffer.alloc(at + 1, 7), description));
  }
  return ids;
}
