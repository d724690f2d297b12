import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { ArchiveId } from "@moraine/protocol";
import type { TestServer } from "./server.ts";

/** The error of an output whose bytes are damaged. */
export const refusedAsDamaged = {
  status: 500,
  code: "ServiceUnavailableException",
  message: "The stored data is damaged, so it is not returned. The operator has been notified.",
};

/** The files of an archive's segments in order, made writable so that a test can damage them. */
export async function filesOf(server: TestServer, folder: string, archiveId: string): Promise<string[]> {
  const range = { firstByte: 0, lastByte: Number.MAX_SAFE_INTEGER };
  const segments = await server.parts.metadata.segmentsOf({ archiveId: archiveId as ArchiveId, range, limit: 100 });
  const files = segments.map(({ key }) => join(folder, "blobs", key));
  await Promise.all(files.map((file) => chmod(file, 0o600)));
  return files;
}
