import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openRowSecret } from "../../packages/server/src/auth/keyring.ts";
import { ManualClock } from "../../packages/server/src/clock/clocks.ts";
import { FilesystemBlobStore } from "../../packages/server/src/storage/blobs/filesystem.ts";
import { openDataFolder } from "../../packages/server/src/storage/data-folder.ts";
import { prepareHistory } from "../../packages/server/src/storage/history/prepare.ts";
import { openInlineStore } from "../../packages/server/test/support/inline-store.ts";
import { startTestServer } from "../../packages/server/test/support/server.ts";
import { accountId, rootKey } from "../support/server-process.ts";
import type { Recovery } from "./surroundings/surroundings.ts";

interface RecoveredService {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the service on a folder that a server process has left, within this process: in the order of a start, with the same parts, but
 * for the threads of the database. A process takes ten times as long.
 */
export async function recoveredService(
  path: string,
  { notifier, sealingKeys }: Pick<Recovery, "notifier" | "sealingKeys"> = {},
): Promise<RecoveredService> {
  await using started = new AsyncDisposableStack();
  const now = Date.now();
  const keys = async () => sealingKeys ?? { sealingKey: await readFile(join(path, "secrets.key")), previous: null };
  const folder = await openDataFolder(path);
  started.defer(() => folder.release());
  const { shelfSeed, storeOptions } = prepareHistory(folder, now);
  const blobs = new FilesystemBlobStore(folder.path, undefined, shelfSeed);
  await blobs.prepare();
  await blobs.space.measure();
  const metadata = await openInlineStore(folder.databaseFile, {
    openSecret: async (sealed) => openRowSecret(sealed, { ...(await keys()), now }),
    history: storeOptions.history ?? null,
  });
  started.defer(() => metadata.close());
  const server = await startTestServer({
    ...{ blobs, metadata, clock: new ManualClock(now), installation: { accountId, rootKey, ...(await keys()) } },
    ...(notifier !== undefined && { notifier }),
  });
  started.defer(() => server.stop());
  const running = started.move();
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
