import { type AccountId, type JobId, millisecondsPer } from "@moraine/protocol";
import { compactJson } from "../compact-json.ts";
import { invariant } from "../invariant.ts";
import type { Job } from "../jobs/job.ts";
import { describeJob } from "../jobs/job-description.ts";
import { newMessageId } from "../new-id.ts";
import type { Instant } from "../time/instant.ts";
import { arnOf, type Vault } from "../vaults/vault.ts";

/** A message that a topic shall get, because a job has ended. It is the same at every attempt. */
export interface Notification {
  /** Receivers may see a message more than once, and know it by this. */
  readonly id: string;
  readonly accountId: AccountId;
  readonly vaultArn: string;
  readonly jobId: JobId;
  readonly topic: string;
  /** The job as DescribeJob shows it, byte for byte: docs/wire.md#notifications */
  readonly message: string;
  readonly createdAt: Instant;
}

/**
 * Names of the attributes that say for whom the service sends a message, with their values. They let a receiver refuse what was
 * sent for others, as `aws:SourceAccount` and `aws:SourceArn` do in policies of AWS:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html. Names of SNS attributes have no colon.
 */
export function messageAttributes({ accountId, vaultArn }: Notification): Readonly<Record<string, string>> {
  return { SourceAccount: accountId, SourceArn: vaultArn };
}

/** `pending → failed`, and back by hand. What was delivered has no row any more. */
export type NotificationState = "pending" | "failed";

/** How long a message is tried before it counts as failed. */
export const deliveryMilliseconds = 3 * millisecondsPer.day;

const retryMillisecondsMin = 1000;
const retryMillisecondsMax = millisecondsPer.hour;

/**
 * The messages to send when a job has ended, whether it succeeded or failed: one to the topic of its vault, if that
 * asks for such an event, and one to its own, even when both are the same (docs/wire.md#notifications).
 */
export function messagesAbout(job: Job, vault: Vault): Notification[] {
  const { completedAt } = job;
  invariant(completedAt !== null, "a job that has not ended tells nobody");
  const { notifications } = vault;
  const vaultTopic = notifications?.events.includes(`${job.action}Completed`) ? notifications.topic : null;
  const topics = [vaultTopic, job.snsTopic].filter((topic) => topic !== null);
  if (topics.length === 0) {
    return [];
  }
  const message = compactJson(describeJob(job, vault));
  return topics.map((topic) => ({
    id: newMessageId(),
    accountId: vault.accountId,
    vaultArn: arnOf(vault),
    jobId: job.id,
    topic,
    message,
    createdAt: completedAt,
  }));
}

/**
 * How long to wait after this many attempts: anything from a second to a ceiling that doubles up to an hour, so that
 * messages which failed together do not all come back together.
 * @param random from 0 up to, but not including, 1.
 */
export function retryDelayMilliseconds(attempts: number, random: number): number {
  const ceiling = Math.min(retryMillisecondsMin * 2 ** attempts, retryMillisecondsMax);
  return Math.floor(retryMillisecondsMin + random * (ceiling - retryMillisecondsMin));
}
