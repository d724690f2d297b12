import { jobSource } from "@moraine/client/node";
import type { ByteRange } from "@moraine/protocol";
import { messageOf } from "../../exit-codes.ts";
import { type ArchiveOutput, OutputExpiredError } from "../../targets/target.ts";
import type { RescueParts } from "../rescue-state.ts";
import { isNotFound } from "../service-errors.ts";
import type { ReadyArchive } from "./ready-queue.ts";

/** The output of an archive's job, as a target stores it. */
export function outputOf(
  { client, vaultName }: Pick<RescueParts, "client" | "vaultName">,
  { archive, job }: ReadyArchive,
): ArchiveOutput {
  const { archiveId, sizeBytes, treeHash } = archive;
  const facts = { sizeBytes, treeHash, archiveTreeHash: treeHash, archiveId, retrievalByteRange: null };
  const source = jobSource(client, { vaultName, jobId: job.jobId }, facts);
  return {
    vaultName,
    jobId: job.jobId,
    facts,
    retryForMilliseconds: source.retryForMilliseconds,
    async open(range: ByteRange, signal: AbortSignal) {
      try {
        return await source.open(range, signal);
      } catch (error) {
        throw isNotFound(error) ? new OutputExpiredError(messageOf(error), { cause: error }) : error;
      }
    },
  };
}
