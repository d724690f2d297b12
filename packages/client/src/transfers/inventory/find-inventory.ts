import type { GlacierJobDescription, InventoryFormat } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { findJob } from "../retrieval/find-job.ts";
import { transferClient } from "../transfer-client.ts";

/** The vault whose archives are listed. */
export interface InventoriedVault {
  readonly vaultName: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
}

/** A job for the complete inventory of a vault. */
export interface FoundInventory {
  readonly jobId: string;
  /** Whether its output can be downloaded. */
  readonly isReady: boolean;
}

/**
 * Finds the inventory that `readInventory` with `reuse: true` would use: the newest that is ready, else the newest in progress. Resolves to
 * null if there is none, so that the call would start a job.
 */
export async function findInventory(
  client: GlacierClient,
  { vaultName, accountId }: InventoriedVault,
  { format = "JSON", ...options }: TransferOptions & { readonly format?: InventoryFormat | undefined } = {},
): Promise<FoundInventory | null> {
  const jobParameters = { Type: "inventory-retrieval", Format: format } as const;
  const matches = (job: GlacierJobDescription) => isWholeInventory(job, format);
  const criteria = { vaultName, accountId, jobParameters, matches, reuse: true };
  const job = await findJob(transferClient(client, options), criteria, options.signal ?? neverAborted);
  return job && { jobId: job.JobId, isReady: job.StatusCode === "Succeeded" };
}

/** Whether a job is for the complete inventory, and not for some dates or a page of it. */
export function isWholeInventory(
  { InventoryRetrievalParameters: asked }: GlacierJobDescription,
  format: InventoryFormat,
): boolean {
  const { Format, StartDate, EndDate, Limit, Marker } = asked ?? {};
  return Format === format && [StartDate, EndDate, Limit, Marker].every((value) => (value ?? null) === null);
}
