import type { GlacierClient } from "@moraine/client";
import type { ManyIds } from "../arguments/many-ids.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { bind } from "../catalog/opening/bind-to-vault.ts";
import type { CatalogOptions } from "../catalog/opening/catalog-path.ts";
import { existingVault } from "../catalog/opening/existing-vault.ts";
import type { CommandContext } from "../context/tools.ts";
import { DeletionRecord } from "../emptying/deletion-record.ts";
import { messageOf } from "../exit-codes.ts";
import { isFatal, isNotFound, isOutage } from "../rescue/service-errors.ts";
import { paced } from "../transfers/paced.ts";
import { type FileCounts, FilesProgress } from "./files-progress.ts";
import { openIfExists } from "./open-or-create.ts";
import type { Watched } from "./send-files.ts";

export interface DeleteOptions extends CatalogOptions {
  readonly concurrency?: number;
  /** Deletions a second. @default as many as the service accepts */
  readonly maxPerSecond?: number;
}

const concurrencyDefault = 16;
const retryMilliseconds = 30 * 60_000;
/** Deletions that a policy denies, without one that it allows, before all are given up. */
const deniedMax = 50;

/**
 * Deletes archives by their ids, several at once, and reports each. One that does not exist is no failure, so that the same call resumes after
 * an interruption. A denied deletion does not stop the others, unless all are denied.
 */
export async function deleteMany(
  tools: CommandContext,
  vaultName: string,
  ids: ManyIds,
  { concurrency = concurrencyDefault, maxPerSecond, ...options }: DeleteOptions,
  { signal, onEvent }: Watched,
): Promise<FileCounts> {
  const { inParallel } = await import("@moraine/client/node");
  const client = await tools.client();
  const vault = await existingVault(client, vaultName, signal);
  using catalog = openIfExists(tools, vaultName, options);
  if (catalog !== null && vault !== null) {
    bind(catalog, vault);
  }
  const progress = new FilesProgress(onEvent, "archives");
  const total = await ids.count();
  if (total !== null) {
    progress.totalKnown({ files: total, bytes: 0 });
  }
  const record = catalog === null ? null : new CatalogRecord(catalog, tools.now);
  const deletion = new Deletion({ client, vaultName, record, progress, onEvent });
  const work = (archiveId: string, ending: AbortSignal) => deletion.run(archiveId, ending);
  try {
    await inParallel(paced(ids.batches(), { perSecondMax: maxPerSecond ?? null, signal }), concurrency, work, signal);
  } finally {
    record?.flush();
  }
  ids.assertAllRead();
  return progress.counts;
}

/** Records deletions in the vault's catalogue, as far as that knows the archives. */
class CatalogRecord {
  readonly #catalog: Catalog;
  readonly #record: DeletionRecord;

  constructor(catalog: Catalog, now: () => Date) {
    this.#catalog = catalog;
    this.#record = new DeletionRecord(catalog, now);
  }

  add(archiveId: string): void {
    const archive = this.#catalog.archives.get(archiveId);
    if (archive !== null && archive.state !== "deleted") {
      this.#record.add(archive.number);
    }
  }

  flush(): void {
    this.#record.flush();
  }
}

interface DeletionParts {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly record: CatalogRecord | null;
  readonly progress: FilesProgress;
  readonly onEvent: Watched["onEvent"];
}

class Deletion {
  readonly #parts: DeletionParts;
  #deniedCount = 0;

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  async run(archiveId: string, signal: AbortSignal): Promise<void> {
    const { client, vaultName, record, progress, onEvent } = this.#parts;
    const onRetry = (retry: object) => onEvent({ kind: "retry", ...(retry as Retry) });
    try {
      await client.deleteArchive(
        { vaultName, archiveId },
        { signal, retryForMilliseconds: retryMilliseconds, onRetry },
      );
      record?.add(archiveId);
      progress.ended({ state: "deleted", path: archiveId, archiveId });
    } catch (error) {
      signal.throwIfAborted();
      this.#failed(archiveId, error);
    }
  }

  #failed(archiveId: string, error: unknown): void {
    const { record, progress } = this.#parts;
    if (isNotFound(error)) {
      record?.add(archiveId);
      progress.ended({ state: "absent", path: archiveId, archiveId });
      return;
    }
    const isDenied = error instanceof Error && error.name === "AccessDeniedException";
    this.#deniedCount += isDenied ? 1 : 0;
    const areAllDenied = progress.counts.done.files + progress.counts.absent === 0 && this.#deniedCount >= deniedMax;
    if (areAllDenied || isOutage(error) || (isFatal(error) && !isDenied)) {
      throw error;
    }
    progress.ended({ state: "failed", path: archiveId, archiveId, message: messageOf(error) });
  }
}

type Retry = Omit<Extract<Parameters<Watched["onEvent"]>[0], { kind: "retry" }>, "kind">;
