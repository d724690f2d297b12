import { errors } from "@moraine/protocol";
import type { Job } from "../../domain/jobs/job.ts";
import type { Services, VaultCall } from "../context.ts";

/** A job of another vault, or one whose retention has passed, is not found. */
export async function requireJob(services: Services, { vault }: VaultCall, jobId: string): Promise<Job> {
  const completedSince = services.trustedClock.expiryNow() - services.outputMilliseconds;
  const job = await services.metadata.findJob({ vaultId: vault.id, jobId, completedSince });
  if (job === null) {
    throw errors.jobNotFound(jobId);
  }
  return job;
}
