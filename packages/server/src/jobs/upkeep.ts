import { millisecondsPer } from "@moraine/protocol";
import { uploadIdleMilliseconds } from "../domain/vaults/multipart-upload.ts";
import { inBatches } from "./batches.ts";
import type { JobServices } from "./context.ts";
import { sumDeletedBytes } from "./deleted-bytes.ts";
import { pruneAudit } from "./prune-audit.ts";
import { sweepSegments } from "./sweep.ts";

/** Periodic work: expiry, daily inventories, and freeing the space of deleted archives. */
export interface Upkeep {
  stop(): Promise<void>;
}

const roundMilliseconds = millisecondsPer.minute;
const sweepMillisecondsMin = 1000;
const batchRows = 200;
const inventoryMilliseconds = millisecondsPer.day;
/** The id of a deleted archive is known for this long: deleting it again succeeds. */
const tombstoneMilliseconds = 90 * millisecondsPer.day;
/** Messages that could not be delivered can be looked at, and asked for again, this long. */
const failuresMilliseconds = 30 * millisecondsPer.day;

/**
 * Runs each task now, as there may be leftovers of a crash, and then again and again. Each has a loop of its own: a task that
 * takes long, or fails, delays no other.
 */
export function startUpkeep(services: JobServices): Upkeep {
  const stopping = new AbortController();
  const loop = async (name: TaskName) => {
    while (!stopping.signal.aborted) {
      // A clock that is moved during a round may have made due what the round has passed already.
      const began = services.clock.now();
      await run(name);
      // Nor does a clock that is set back during a round make the pause longer.
      const from = Math.min(began, services.clock.now());
      await services.clock.sleepUntil(from + pauseBetween(name, services), stopping.signal);
    }
  };
  const run = (name: TaskName) =>
    tasks[name](services, stopping.signal).catch((error: unknown) => services.log.postponed(name, error));
  const loops = (Object.keys(tasks) as TaskName[]).map(loop);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
      await run("keeping the trusted time");
    },
  };
}

/** A minute; less for the sweep, if deletions are to give their room back sooner. */
function pauseBetween(name: TaskName, { deletedGraceMilliseconds }: JobServices): number {
  return name === "sweeping segments"
    ? Math.min(roundMilliseconds, Math.max(sweepMillisecondsMin, deletedGraceMilliseconds))
    : roundMilliseconds;
}

type Task = (services: JobServices, signal: AbortSignal) => Promise<void>;

const tasks = {
  /** A restart continues from here, so it is kept at the end too; a crash loses the time since the last round. */
  "keeping the trusted time": ({ metadata, trustedClock }) => metadata.raiseTrustedTime(trustedClock.state()),
  "pruning the audit trail": pruneAudit,
  "expiring uploads": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () => {
      const now = trustedClock.expiryNow();
      return metadata.expireUploads({ idleSince: now - uploadIdleMilliseconds, now, limit: batchRows });
    }),
  "forgetting uploads that ended": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () =>
      metadata.forgetUploads({ endedBefore: trustedClock.expiryNow() - uploadIdleMilliseconds, limit: batchRows }),
    ),
  "forgetting requests of uploads": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () =>
      metadata.forgetRequests({ madeBefore: trustedClock.expiryNow() - uploadIdleMilliseconds, limit: batchRows }),
    ),
  "expiring jobs": ({ metadata, trustedClock, outputMilliseconds }, signal) =>
    inBatches(signal, batchRows, () => {
      const now = trustedClock.expiryNow();
      return metadata.expireJobs({ completedBefore: now - outputMilliseconds, now, limit: batchRows });
    }),
  "dropping messages that failed long ago": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () =>
      metadata.expireNotifications({ failedBefore: trustedClock.expiryNow() - failuresMilliseconds, limit: batchRows }),
    ),
  "taking inventories": async ({ metadata, clock, profile }, signal) => {
    if (profile === "aws") {
      await inBatches(signal, batchRows, () => {
        const now = clock.now();
        return metadata.takeDueInventories({ dueBefore: now - inventoryMilliseconds, now, limit: batchRows });
      });
    }
  },
  "unlisting deleted archives": async ({ metadata, profile }, signal) => {
    let afterVault: string | null = null;
    do {
      afterVault = await metadata.unlistArchives({ profile, afterVault, limit: batchRows });
    } while (afterVault !== null && !signal.aborted);
  },
  "forgetting deleted archives": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () =>
      metadata.forgetArchives({ deletedBefore: trustedClock.policyNow() - tombstoneMilliseconds, limit: batchRows }),
    ),
  "expiring vault locks": ({ metadata, clock }, signal) =>
    inBatches(signal, batchRows, () => metadata.expireLocks({ now: clock.now(), limit: batchRows })),
  "counting damage": async ({ metadata, damage }, signal) => {
    await inBatches(signal, batchRows, () => metadata.expireDamage({ limit: batchRows }));
    await damage.refresh();
  },
  "clearing removed vaults": ({ metadata }, signal) =>
    inBatches(signal, batchRows, () => metadata.clearVaults({ limit: batchRows })),
  "releasing segments": ({ metadata }, signal) =>
    inBatches(signal, batchRows, () => metadata.releaseSegments({ limit: batchRows })),
  "sweeping segments": sweepSegments,
  "adding up deleted bytes": sumDeletedBytes,
} as const satisfies Record<string, Task>;

type TaskName = keyof typeof tasks;
