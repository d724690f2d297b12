import { millisecondsPer } from "@moraine/protocol";
import { sleep } from "../clock/sleep.ts";
import type { Node } from "../domain/node.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { Instant } from "../domain/time/instant.ts";

/** Does what becomes due, so much at once, and survives the failures of the store. */
export interface ClaimLoop {
  /** Something may have become due. */
  wake(): void;
  /** Claims no more, aborts the runs under way and waits for them; claims that are left are taken up again at the next start. */
  stop(): Promise<void>;
}

/** A kind of work that waits as rows in the store: each claim has a lease, and nobody else is given it meanwhile. */
export interface ClaimedWork<Claim> {
  /** For the log: "looking for …". */
  readonly name: string;
  readonly atOnceMax: number;
  claim(at: { now: Instant; leaseUntil: Instant; limit: number }): Promise<Claim[]>;
  /** When the next unclaimed row wants to be claimed; null when none waits. */
  nextDue(now: Instant): Promise<Instant | null>;
  /** Never rejects: what fails is tried again when the claim has lapsed, or as the work itself arranged. */
  run(claim: Claim, signal: AbortSignal): Promise<void>;
}

export interface ClaimLoopServices {
  readonly clock: Clock;
  readonly node: Pick<Node, "isShared">;
  readonly log: { postponed(what: string, error: unknown): void };
}

interface ClaimTimes {
  readonly leaseMilliseconds: number;
  readonly renewalMilliseconds: number;
  /** Rows may have been added, and claims may have lapsed, without a word to this process. */
  readonly pollMilliseconds: number;
}

/** The only process gives all claims back when it starts again. */
const ofOnlyNode: ClaimTimes = {
  leaseMilliseconds: 5 * millisecondsPer.minute,
  renewalMilliseconds: millisecondsPer.minute,
  pollMilliseconds: 30 * millisecondsPer.second,
};
/** A node that has died lets go by its leases alone. */
const ofSharedNode: ClaimTimes = {
  leaseMilliseconds: 15 * millisecondsPer.second,
  renewalMilliseconds: 4 * millisecondsPer.second,
  pollMilliseconds: 5 * millisecondsPer.second,
};

export const claimTimes = ({ isShared }: Pick<Node, "isShared">): ClaimTimes => (isShared ? ofSharedNode : ofOnlyNode);

/** Real time: that a store fails has nothing to do with the service's clock. */
const failurePauseMilliseconds = millisecondsPer.second;

export function startClaimLoop<Claim>({ clock, node, log }: ClaimLoopServices, work: ClaimedWork<Claim>): ClaimLoop {
  const { leaseMilliseconds, pollMilliseconds } = claimTimes(node);
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let alarm = new AbortController();
  const wake = () => alarm.abort();

  const begin = (claim: Claim) => {
    const run = work.run(claim, stopping.signal).finally(() => {
      running.delete(run);
      wake();
    });
    running.add(run);
  };

  const round = async () => {
    const free = work.atOnceMax - running.size;
    const now = clock.now();
    const claims = free === 0 ? [] : await work.claim({ now, leaseUntil: now + leaseMilliseconds, limit: free });
    claims.forEach(begin);
    // If as many runs as allowed are under way, the end of one wakes the loop, not the due time of the next.
    const due = running.size === work.atOnceMax ? null : await work.nextDue(now);
    // A clock that was moved during the round, forward or back, makes the pause no longer.
    const pollAt = Math.min(now, clock.now()) + pollMilliseconds;
    await clock.sleepUntil(Math.min(due ?? Number.POSITIVE_INFINITY, pollAt), alarm.signal);
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      // A call of `wake` from here on has its effect: the round that follows has not looked yet.
      alarm = new AbortController();
      await round().catch(async (error: unknown) => {
        log.postponed(`looking for ${work.name}`, error);
        await sleep(failurePauseMilliseconds, stopping.signal);
      });
    }
  };

  const ended = loop();
  return {
    wake,
    async stop() {
      stopping.abort();
      wake();
      await ended;
      await Promise.all(running);
    },
  };
}
