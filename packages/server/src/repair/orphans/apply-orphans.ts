import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { openRowSecret } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import { systemClock } from "../../clock/clocks.ts";
import { type AuditFacts, serviceFacts } from "../../domain/audit.ts";
import type { MetadataStore } from "../../domain/stores/metadata-store.ts";
import { secretFile } from "../../secrets/secret-file.ts";
import type { DatabaseUrl } from "../../storage/metadata/postgres/database-url.ts";
import { openPostgresStore } from "../../storage/metadata/postgres/postgres-store.ts";
import { ownerOfKey } from "../../verify/orphans/describe-orphan.ts";
import type { Action } from "../action.ts";
import { lockFolder, openOwnDatabase } from "../apply/drivers.ts";
import { stateOf } from "../plan/open-for-repair.ts";
import type { Arguments } from "./arguments.ts";

/** An orphan that is to be removed. */
export interface RemovableOrphan {
  readonly key: string;
  readonly action: Action;
}

type Store = Pick<MetadataStore, "abandonSegment" | "addAuditEntries">;

const orphansAtOnce = 100;

/** Gives the orphans of a file the rows of abandoned segments, durably, after an audit entry for each, and prints each then. @param state of the data folder when they were found */
export async function applyOrphans(
  given: Arguments,
  { file, state, print }: { readonly file: string; readonly state: string | null; print(action: Action): void },
): Promise<void> {
  await withMetadata(given, state, async (metadata) => {
    let page: RemovableOrphan[] = [];
    const abandonPage = async () => {
      await metadata.addAuditEntries(page.map(entryOf));
      await Promise.all(page.map(({ key }) => metadata.abandonSegment({ key, ownerId: ownerOfKey(key) })));
      for (const { action } of page) {
        print(action);
      }
      page = [];
    };
    for await (const line of createInterface({ input: createReadStream(file) })) {
      page.push(JSON.parse(line));
      if (page.length === orphansAtOnce) {
        await abandonPage();
      }
    }
    await abandonPage();
  });
}

const entryOf = ({ key, action }: RemovableOrphan): AuditFacts =>
  serviceFacts({ time: systemClock.now(), operation: "RemoveOrphan", subject: key, reason: action.message });

async function withMetadata(
  { metadata, sealingKeyFile }: Arguments,
  state: string | null,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  if ("database" in metadata) {
    const store = await openShared(metadata.database, sealingKeyFile ?? "");
    await work(store).finally(() => store.close());
    return;
  }
  const locked = await lockFolder(metadata.folder);
  try {
    if (stateOf(locked.path) !== state) {
      throw new Error(`A server has used ${locked.path} meanwhile: run the repair again`);
    }
    const store = await openOwnDatabase(locked, { sealingKeyFile });
    await work(store).finally(() => store.close());
  } finally {
    await locked.release();
  }
}

/** As a node, next to those that run. The schema is the one of this version, as the rows were read with it. */
const openShared = (url: DatabaseUrl, sealingKeyFile: string) =>
  openPostgresStore({
    url,
    node: { id: randomUUID(), host: hostname(), version: "repair", requestsInProgress: () => 0 },
    // A row that is lost leaves an orphan, which is found again.
    isInsecureAllowed: true,
    rowSecret: async (sealed) =>
      openRowSecret(sealed, {
        sealingKey: await secretFile(sealingKeyFile, keyLengthBytes, null),
        previous: null,
        now: systemClock.now(),
      }),
  });
