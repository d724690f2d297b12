import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ManualClock } from "../../packages/server/src/clock/clocks.ts";
import { FilesystemBlobStore } from "../../packages/server/src/storage/blobs/filesystem.ts";
import { openDataFolder } from "../../packages/server/src/storage/data-folder.ts";
import { prepareHistory } from "../../packages/server/src/storage/history/prepare.ts";
import { openInlineStore } from "../../packages/server/test/support/inline-store.ts";
import { startTestServer } from "../../packages/server/test/support/server.ts";
import { rowSecretOf } from "../support/row-secret.ts";
import { accountId, rootKey } from "../support/server-process.ts";

interface RecoveredService {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the service on a folder that a server process has left, within this process: in the order of a start, with the same parts, but
 * for the threads of the database. A process takes ten times as long.
 */
export async function recoveredService(path: string): Promise<RecoveredService> {
  await using started = new AsyncDisposableStack();
  const now = Date.now();
  const folder = await openDataFolder(path);
  started.defer(() => folder.release());
  const { shelfSeed, storeOptions } = prepareHistory(folder, now);
  const blobs = new FilesystemBlobStore(folder.path, undefined, shelfSeed);
  await blobs.prepare();
  await blobs.space.measure();
  const metadata = await openInlineStore(folder.databaseFile, {
    openSecret: rowSecretOf(path),
    history: storeOptions.history ?? null,
  });
  started.defer(() => metadata.close());
  const sealingKey = await readFile(join(path, "secrets.key"));
  const server = await startTestServer({
    ...{ blobs, metadata, clock: new ManualClock(now), installation: { accountId, rootKey, sealingKey } },
  });
  started.defer(() => server.stop());
  const running = started.move();
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
