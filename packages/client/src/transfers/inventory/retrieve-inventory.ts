import type { GlacierJobDescription, InventoryFormat } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { type DownloadOptions, downloadOutput } from "../download/download-job-output.ts";
import type { DownloadResult } from "../download/download-result.ts";
import { recordedInventory } from "../download/earlier-download.ts";
import { DownloadTarget, namesFor } from "../download/files/download-target.ts";
import { assertRangeOptions } from "../download/ranges/ranges.ts";
import { type StreamOptions, streamJobOutput } from "../download/stream-job-output.ts";
import { chooseJob } from "../retrieval/choose-job.ts";
import type { FoundJob } from "../retrieval/find-job.ts";
import { JobNote, type NoteSubject } from "../retrieval/job-note.ts";
import { type WaitOptions, waitForJob } from "../retrieval/wait-for-job.ts";
import { transferClient } from "../transfer-client.ts";
import { type InventoriedVault, isWholeInventory } from "./find-inventory.ts";
import { InventoryReader } from "./inventory-reader.ts";
import { vaultContents } from "./vault-contents.ts";

export interface InventoryOptions extends WaitOptions {
  /** The format of the document. @default JSON, which also names the vault and the date */
  readonly format?: InventoryFormat | undefined;
  /**
   * Takes the newest existing job for a complete inventory of that format. False starts a job, unless an earlier call has started one for
   * the same target. @default true, but false if inventories are current: of a Moraine server, unless it runs with `--profile aws`
   */
  readonly reuse?: boolean | undefined;
}

export interface StreamInventoryOptions extends InventoryOptions {
  /** A file that remembers the job until the end of the stream, as of `streamArchive`. @default none */
  readonly jobFile?: string | undefined;
}

/**
 * Downloads a vault's inventory to a file: finds or starts its job, waits for it, downloads as `downloadJobOutput` does. After an
 * interruption, the next call resumes with the same job; if that no longer exists, it starts over with another inventory.
 */
export async function retrieveInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: InventoryOptions & DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  await using target = await DownloadTarget.open(options);
  const watched = { ...options, signal: target.signalWith(options.signal) };
  const begunJobId = await recordedInventory(target.journal, vault.vaultName);
  const note = new JobNote(namesFor(options.target).job, subjectOf(vault, options));
  const job = await chooseInventoryJob(client, vault, { note, begunJobId }, watched);
  if (begunJobId !== null && begunJobId !== job.jobId) {
    await target.discard();
    const message = `The partial file's job ${begunJobId} can no longer be used; the download starts over with another inventory`;
    options.onEvent?.({ kind: "warning", code: "inventory-gone", message });
  }
  await waitForJob(client, job, watched);
  const result = await downloadOutput(target, { client, job }, watched);
  await note.forget();
  return result;
}

/** Reads the archives of a vault's inventory while it is downloaded, in memory that does not grow with it. */
export async function readInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: StreamInventoryOptions & StreamOptions = {},
): Promise<InventoryReader> {
  return new InventoryReader(await openInventory(client, vault, options));
}

/** Yields the inventory's document in order, in the requested format. */
export async function* streamInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: StreamInventoryOptions & StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  yield* await openInventory(client, vault, options);
}

/** Resolves to the inventory's bytes once its job has succeeded. */
async function openInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: StreamInventoryOptions & StreamOptions,
): Promise<AsyncGenerator<Uint8Array, void, void>> {
  assertRangeOptions(options);
  const note = new JobNote(options.jobFile ?? null, subjectOf(vault, options), { onlyStarted: true });
  const job = await chooseInventoryJob(client, vault, { note, begunJobId: null }, options);
  await waitForJob(client, job, options);
  return untilRead(streamJobOutput(client, job, options), note);
}

async function* untilRead(
  bytes: AsyncGenerator<Uint8Array, void, void>,
  note: JobNote,
): AsyncGenerator<Uint8Array, void, void> {
  yield* bytes;
  await note.forget();
}

function subjectOf({ vaultName, accountId }: InventoriedVault, { format = "JSON" }: InventoryOptions): NoteSubject {
  return { vaultName, accountId: accountId ?? null, archiveId: null, inventoryFormat: format };
}

async function chooseInventoryJob(
  client: GlacierClient,
  vault: InventoriedVault,
  { note, begunJobId }: { readonly note: JobNote; readonly begunJobId: string | null },
  options: InventoryOptions,
): Promise<FoundJob> {
  const persistent = transferClient(client, options);
  const { vaultName, accountId } = vault;
  const { format = "JSON" } = options;
  const contents = options.reuse === undefined ? await vaultContents(persistent, vault, options) : null;
  const reuse = options.reuse ?? !(contents?.hasCurrentInventories ?? false);
  const jobParameters = { Type: "inventory-retrieval", Format: format } as const;
  const matches = (job: GlacierJobDescription) => isWholeInventory(job, format);
  const criteria = { vaultName, accountId, jobParameters, matches, reuse };
  return chooseJob(persistent, criteria, { note, begunJobId }, options);
}
