import type { DatabaseSync } from "node:sqlite";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Action } from "./action.ts";
import { suspectsOf } from "./plan/sound-suspects.ts";

interface Rereading {
  /** Null when it is lost, and with it what was known of damage. */
  readonly database: DatabaseSync | null;
  readonly blobs: BlobStore;
  /** Null when nothing is changed. */
  readonly store: MetadataStore | null;
  /** Segments whose file is put back from the quarantine. */
  readonly returned: ReadonlySet<string>;
  print(action: Action): void;
}

/** Reads suspect segments again: those that prove sound, since a cable or a controller was at fault, are live again. */
export async function repairSuspects({ database, blobs, store, returned, print }: Rereading): Promise<void> {
  if (database === null) {
    return;
  }
  for await (const { key, problem, places } of suspectsOf(database, blobs)) {
    const owner = places[0]?.owner;
    const about = { archive: owner?.kind === "archive" ? owner.id : undefined, file: `blobs/${key}` };
    if (problem !== null && !returned.has(key)) {
      print({ code: "segment-damaged", message: `a suspect segment is still damaged: ${problem}`, ...about });
      continue;
    }
    for (const place of store === null ? [] : places) {
      await store?.removeDamage(place);
    }
    print({ code: "segment-sound", message: "a suspect segment was read again, and each MiB has its hash", ...about });
  }
}
