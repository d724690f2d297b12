import { StorageFullError } from "../domain/stores/blob-store.ts";
import type { MetadataChanges, MetadataStore } from "../domain/stores/metadata-store.ts";
import type { StoreMethod } from "../domain/stores/recorded-changes.ts";

/** Changes that give room back, or prepare to: they must succeed on a full disk. */
const roomMaking = [
  "abandonSegment",
  "abortUpload",
  "clearVaults",
  "markDead",
  "expireJobs",
  "expireUploads",
  "forgetSegments",
  "releaseLeases",
  "releaseSegments",
  "removeArchive",
  "removeVault",
] as const satisfies readonly (keyof MetadataChanges)[];

/**
 * Tries a change that makes room once more when the disk is full, after `makeRoom` has found some. A change that failed for
 * lack of room was rolled back, so that the second attempt is the only one that counts.
 * @param makeRoom resolves to false when it has none.
 */
export function withRoomMaking(metadata: MetadataStore, makeRoom: () => Promise<boolean>): MetadataStore {
  const wrapped = roomMaking.map((name) => {
    const change = metadata[name] as StoreMethod;
    const changeOnFullDisk: StoreMethod = async (input, facts) => {
      try {
        return await change(input, facts);
      } catch (error) {
        if (error instanceof StorageFullError && (await makeRoom())) {
          return await change(input, facts);
        }
        throw error;
      }
    };
    return [name, changeOnFullDisk];
  });
  return { ...metadata, ...Object.fromEntries(wrapped) };
}
