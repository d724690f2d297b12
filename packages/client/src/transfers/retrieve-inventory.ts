import type { GlacierJobDescription, InventoryFormat } from "@moraine/protocol";
import type { GlacierClient } from "../client.ts";
import { type DownloadOptions, type DownloadResult, downloadOutput } from "./download-job-output.ts";
import { DownloadTarget } from "./download-target.ts";
import { findOrStartJob } from "./find-job.ts";
import { InventoryReader } from "./inventory-reader.ts";
import type { JobReference } from "./output-facts.ts";
import { assertRangeOptions, type RangeOptions } from "./ranges.ts";
import { type StreamOptions, streamJobOutput } from "./stream-job-output.ts";
import { transferClient } from "./transfer-client.ts";
import { type WaitOptions, waitForJob } from "./wait-for-job.ts";

/** The vault whose archives are listed. */
export interface InventoriedVault {
  readonly vaultName: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
}

export interface InventoryOptions extends WaitOptions {
  /** @default JSON, which also tells the vault and the date */
  readonly format?: InventoryFormat | undefined;
  /** Take the newest job for a whole inventory of that format that is there already; false starts one. @default true */
  readonly reuse?: boolean | undefined;
}

/** Gets a vault's inventory to a file: finds or starts its job, waits for it, downloads as `downloadJobOutput` does. */
export async function retrieveInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: InventoryOptions & DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  await using target = await DownloadTarget.open(options);
  const watched = { ...options, signal: target.signalWith(options.signal) };
  const job = await finishedJob(client, vault, watched);
  return await downloadOutput(target, { client, job }, watched);
}

/** The archives of a vault's inventory, read as it is downloaded, in memory that does not grow with it. */
export async function readInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: InventoryOptions & StreamOptions = {},
): Promise<InventoryReader> {
  const job = await finishedJob(client, vault, options);
  return new InventoryReader(streamJobOutput(client, job, options));
}

/** The inventory's document in order, in the format that was asked for. */
export async function* streamInventory(
  client: GlacierClient,
  vault: InventoriedVault,
  options: InventoryOptions & StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  yield* streamJobOutput(client, await finishedJob(client, vault, options), options);
}

async function finishedJob(
  client: GlacierClient,
  { vaultName, accountId }: InventoriedVault,
  options: InventoryOptions & RangeOptions,
): Promise<JobReference> {
  assertRangeOptions(options);
  const { format = "JSON", reuse = true } = options;
  const jobParameters = { Type: "inventory-retrieval", Format: format };
  const matches = (job: GlacierJobDescription) => isWholeInventory(job, format);
  const job = await findOrStartJob(
    transferClient(client, options),
    { vaultName, accountId, jobParameters, matches, reuse },
    options,
  );
  await waitForJob(client, job, options);
  return job;
}

/** Not one of some dates, nor a page of one. */
function isWholeInventory({ InventoryRetrievalParameters: asked }: GlacierJobDescription, format: string): boolean {
  const { Format, StartDate, EndDate, Limit, Marker } = asked ?? {};
  return Format === format && [StartDate, EndDate, Limit, Marker].every((value) => (value ?? null) === null);
}
