import type { GlacierClient } from "@moraine/client";
import type { Catalog } from "../catalog/catalog.ts";
import { archivesInWords } from "./survey-text.ts";

/** Error thrown when the vault has archives that the catalogue did not list: they are not deleted before the user has seen them. */
export class UnknownArchivesError extends Error {
  override readonly name = "UnknownArchivesError";
}

export interface UnknownOptions {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Pick<Catalog, "archives">;
  readonly waitMillisecondsMax: number;
  /** Remembers the inventory's job until its output was read, so that another run takes the same. */
  readonly jobFile: string | undefined;
  readonly signal: AbortSignal;
  readonly onUnknown: (archiveId: string, description: string) => void;
}

const namedMax = 20;

/**
 * Reads a new inventory of a vault whose archives were all deleted, as far as the catalogue knew them. Throws UnknownArchivesError, after it
 * has named some, if it lists others.
 */
export async function assertNoneUnknown(options: UnknownOptions): Promise<void> {
  const { readInventory } = await import("@moraine/client/node");
  const { client, vaultName, catalog, waitMillisecondsMax, jobFile, signal } = options;
  let unknown = 0;
  const settings = { reuse: false, waitMillisecondsMax, jobFile, signal };
  for await (const items of await readInventory(client, { vaultName }, settings)) {
    for (const { archiveId, archiveDescription } of items) {
      if (catalog.archives.get(archiveId)?.state === "deleted") {
        continue;
      }
      unknown += 1;
      if (unknown <= namedMax) {
        options.onUnknown(archiveId, archiveDescription);
      }
    }
  }
  if (unknown > 0) {
    throw new UnknownArchivesError(
      `Vault ${vaultName} has ${archivesInWords(unknown)} that the catalogue does not have; nothing of that was deleted`,
    );
  }
}
