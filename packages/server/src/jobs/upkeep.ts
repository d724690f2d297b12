import { uploadIdleMilliseconds } from "../domain/multipart-upload.ts";
import type { JobServices } from "./context.ts";

/** What has to be done now and then: expiry, daily inventories, and giving back the room of what was deleted. */
export interface Upkeep {
  stop(): Promise<void>;
}

const roundMilliseconds = 60 * 1000;
const batchRows = 200;
/** The bytes of what was deleted stay this long, for whoever still reads them. */
const graceMilliseconds = 24 * 60 * 60 * 1000;
const inventoryMilliseconds = 24 * 60 * 60 * 1000;
/** Messages that could not be delivered can be looked at, and asked for again, this long. */
const failuresMilliseconds = 30 * 24 * 60 * 60 * 1000;

/** Begins with a round: at the start there may be leftovers of a crash. */
export function startUpkeep(services: JobServices): Upkeep {
  const stopping = new AbortController();
  const loop = async () => {
    while (!stopping.signal.aborted) {
      // A clock that is moved during a round may have made due what the round has passed already.
      const began = services.clock.now();
      for (const name of Object.keys(tasks) as TaskName[]) {
        await run(name);
      }
      await services.clock.sleepUntil(began + roundMilliseconds, stopping.signal);
    }
  };
  const run = (name: TaskName) =>
    tasks[name](services, stopping.signal).catch((error: unknown) => services.log.postponed(name, error));
  const ended = loop();
  return {
    async stop() {
      stopping.abort();
      await ended;
      await run("keeping the trusted time");
    },
  };
}

type Task = (services: JobServices, signal: AbortSignal) => Promise<void>;

const tasks = {
  /** A restart goes on from here, so it is kept at the end too; a crash loses the time since the last round. */
  "keeping the trusted time": ({ metadata, trustedClock }) => metadata.raiseTrustedTime(trustedClock.policyNow()),
  "expiring uploads": ({ metadata, clock }, signal) =>
    inBatches(signal, () => {
      const now = clock.now();
      return metadata.expireUploads({ idleSince: now - uploadIdleMilliseconds, now, limit: batchRows });
    }),
  "expiring jobs": ({ metadata, clock, outputMilliseconds }, signal) =>
    inBatches(signal, () => {
      const now = clock.now();
      return metadata.expireJobs({ completedBefore: now - outputMilliseconds, now, limit: batchRows });
    }),
  "dropping messages that failed long ago": ({ metadata, clock }, signal) =>
    inBatches(signal, () =>
      metadata.expireNotifications({ failedBefore: clock.now() - failuresMilliseconds, limit: batchRows }),
    ),
  "taking inventories": async ({ metadata, clock, profile }, signal) => {
    if (profile === "aws") {
      await inBatches(signal, () => {
        const now = clock.now();
        return metadata.takeDueInventories({ dueBefore: now - inventoryMilliseconds, now, limit: batchRows });
      });
    }
  },
  "expiring vault locks": ({ metadata, clock }, signal) =>
    inBatches(signal, () => metadata.expireLocks({ now: clock.now(), limit: batchRows })),
  "sweeping segments": (services, signal) => inBatches(signal, () => sweep(services)),
} as const satisfies Record<string, Task>;

type TaskName = keyof typeof tasks;

/** Rows first, bytes next, rows last: a segment's row outlives its bytes, so that a crash never leaves bytes unknown. */
async function sweep({ metadata, blobs, clock, outputMilliseconds }: JobServices): Promise<number> {
  const now = clock.now();
  const keys = await metadata.condemnSegments({
    now,
    deletedBefore: now - graceMilliseconds,
    completedSince: now - outputMilliseconds,
    limit: batchRows,
  });
  for (const key of keys) {
    await blobs.remove(key);
  }
  await metadata.forgetSegments(keys);
  return keys.length;
}

/** Until a batch comes out short: then nothing is left. */
async function inBatches(signal: AbortSignal, batch: () => Promise<number>): Promise<void> {
  while (!signal.aborted && (await batch()) === batchRows) {
    // The next batch.
  }
}
