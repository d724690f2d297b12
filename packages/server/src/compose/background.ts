import { systemNow } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import type { Notifier } from "../domain/notifications/notifier.ts";
import type { ClaimLoop } from "../jobs/claim-loop.ts";
import { startColdMoves } from "../jobs/cold-moves.ts";
import type { JobServices } from "../jobs/context.ts";
import { startDelivery } from "../jobs/delivery.ts";
import { type Runner, startRunner } from "../jobs/runner.ts";
import type { ServiceLoad } from "../jobs/scrub/pace.ts";
import { startScrub } from "../jobs/scrub/start-scrub.ts";
import { startUpkeep } from "../jobs/upkeep.ts";
import { snsNotifier } from "../notify/sns.ts";
import { routedNotifier } from "../notify/topic-router.ts";
import { webhookNotifier } from "../notify/webhook.ts";
import { readWebhooks } from "../notify/webhooks-file.ts";
import { startSpaceKeeper } from "../storage/blobs/space-keeper.ts";
import type { EventLog } from "./event-log.ts";
import type { Stores } from "./stores.ts";

interface BackgroundOptions {
  readonly services: JobServices;
  readonly notifier: Notifier;
  readonly load: ServiceLoad;
  readonly log: EventLog["delivery"];
  /** How long InitiateJob waits for a job that may end soon. */
  readonly jobWaitMilliseconds: number;
}

/** Work without a caller. What wakes another is stopped before it. */
export function startBackground(
  { services, notifier, load, log, jobWaitMilliseconds }: BackgroundOptions,
  started: AsyncDisposableStack,
): { runner: Runner; delivery: ClaimLoop } {
  const { metadata, clock, node } = services;
  const delivery = startDelivery({ metadata, clock, node, notifier, log });
  started.defer(() => delivery.stop());
  const runner = startRunner(services, { onEnd: delivery.wake, waitMilliseconds: jobWaitMilliseconds });
  started.defer(() => runner.stop());
  const upkeep = startUpkeep(services);
  started.defer(() => upkeep.stop());
  const scrub = startScrub(services, load);
  started.defer(() => scrub.stop());
  const moves = startColdMoves(services);
  started.defer(() => moves.stop());
  return { runner, delivery };
}

export function startSpaceKeeping({ disk }: Stores, events: EventLog, started: AsyncDisposableStack): void {
  if (disk === null) {
    return;
  }
  const keeper = startSpaceKeeper({
    ...disk,
    onFailure: (error) => events.job.postponed("making the ballast", error),
  });
  started.defer(() => keeper.stop());
}

/** Topics that nothing maps have no endpoint; what loads a library does so with the first message that needs it. */
export async function openNotifier({ webhooksFile, snsEndpoint, sharedTopicAccounts }: Config): Promise<Notifier> {
  const webhooks = webhooksFile === null ? new Map() : await readWebhooks(webhooksFile);
  return routedNotifier({
    webhooks: { topics: new Set(webhooks.keys()), notifier: webhookNotifier({ webhooks, systemNow }) },
    sns: snsEndpoint === null ? null : snsNotifier(snsEndpoint),
    sharedTopicAccounts: new Set(sharedTopicAccounts),
  });
}
