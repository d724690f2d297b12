import { millisecondsPer } from "@moraine/protocol";
import type { JobServices } from "../context.ts";
import { Manifests } from "./manifests.ts";
import { Pace, type ServiceLoad } from "./pace.ts";
import { ReadBack } from "./read-back.ts";
import { Scrub } from "./scrub.ts";

/** Progress is reported this often; and what a moved clock has made due is noticed. */
const lookMilliseconds = millisecondsPer.minute;

/** Reads what is stored back, for as long as the service runs. Of several nodes, one does it. */
export function startScrub(services: JobServices, load: ServiceLoad): { stop(): Promise<void> } {
  const { clock, log, node, hashPool, scrubPeriodMilliseconds } = services;
  const stopping = new AbortController();
  const pace = new Pace(load);
  const onRead = (sizeBytes: number, isUncached: boolean) => log.scrubbed(sizeBytes, isUncached);
  const readBack = new ReadBack({ hashPool, pace, onRead });
  const scrub = new Scrub({ ...services, readBack, pace, manifests: new Manifests(services) }, scrubPeriodMilliseconds);
  const loop = async () => {
    while (!stopping.signal.aborted) {
      const lookAt = clock.now() + lookMilliseconds;
      const round = node.hasDuties() ? scrub.round(stopping.signal) : Promise.resolve(lookAt);
      const dueAt = await round.catch((error: unknown) => {
        log.postponed("scrubbing", error);
        return lookAt;
      });
      // A clock that was set back meanwhile makes the pause no longer.
      await clock.sleepUntil(Math.min(dueAt, lookAt, clock.now() + lookMilliseconds), stopping.signal);
    }
  };
  const ended = loop();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
