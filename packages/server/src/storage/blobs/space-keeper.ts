import { millisecondsPer } from "@moraine/protocol";
import { sleep } from "../../clock/sleep.ts";
import type { Ballast } from "./ballast.ts";
import { isFull, toDomainError } from "./disk.ts";
import type { FreeSpace } from "./free-space.ts";

/** Looks after the room of the disk until it is stopped. */
export interface SpaceKeeper {
  stop(): Promise<void>;
}

export interface SpaceKeeperOptions {
  readonly space: FreeSpace;
  readonly ballast: Ballast;
  /** The file system could not be asked, or the ballast not be made. */
  onFailure(error: unknown): void;
  /** @default 1000 */
  readonly lookMilliseconds?: number;
}

/** After a failure; a quota may refuse the ballast though the file system has room. */
const retryMilliseconds = millisecondsPer.minute;

/** Keeps the figures of the disk fresh, and makes the ballast whenever it is missing and there is room for it. */
export function startSpaceKeeper({ space, ballast, ...options }: SpaceKeeperOptions): SpaceKeeper {
  const { lookMilliseconds = 1000 } = options;
  let retryAt = 0;
  const look = async () => {
    await space.measure();
    if (performance.now() >= retryAt) {
      retryAt = performance.now() + retryMilliseconds;
      await makeMissing(space, ballast);
      retryAt = 0;
    }
  };
  const stopping = new AbortController();
  const loop = async () => {
    while (await sleep(lookMilliseconds, stopping.signal)) {
      await look().catch((error: unknown) => options.onFailure(toDomainError(error)));
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

async function makeMissing(space: FreeSpace, ballast: Ballast): Promise<void> {
  const sizeBytes = await ballast.missingBytes();
  if (sizeBytes === 0) {
    return;
  }
  const claim = await space.claim(sizeBytes).catch((error: unknown) => {
    if (isFull(error)) {
      return null;
    }
    throw error;
  });
  if (claim === null) {
    return;
  }
  try {
    claim.spend(sizeBytes);
    await ballast.make(sizeBytes);
  } finally {
    claim.written(sizeBytes);
    claim.release();
  }
}
