import { availableParallelism } from "node:os";
import { leafSizeBytes } from "@moraine/protocol";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { ServiceState } from "../health/service-state.ts";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../segments/blocks.ts";
import { HashPool } from "../segments/hashing/hash-pool.ts";
import { RunningIntents } from "../segments/running-intents.ts";
import { SegmentCache } from "../segments/segment-cache.ts";

/** The memory of all uploads together, 16 MiB, and of all downloads, 16 MiB. */
const receiveBlocksMax = 8;
const leafBlocksMax = 16;
/** A segment of 4 GiB has 128 KiB of leaf hashes. */
const segmentCacheLimits = { segmentsMax: 128, leafBytesMax: 4 * 1024 ** 2, ageMillisecondsMax: 30_000 };
/** One for linear hashes, one for leaves, and more where there are cores for them. */
const hashThreads = Math.max(2, availableParallelism());

/** The parts that move bytes, and that bound the memory which moving them takes. */
export function openTransfers(blobs: BlobStore, mode: ServiceState, started: AsyncDisposableStack) {
  const hashPool = new HashPool(hashThreads, (error) =>
    mode.halt("A hashing thread failed; restart the server", error),
  );
  started.defer(() => hashPool.close());
  const segments = new SegmentCache(blobs, segmentCacheLimits);
  started.defer(() => segments.close());
  return {
    segments,
    intents: new RunningIntents(),
    hashPool,
    receiveBlocks: new BlockPool(sharedBlocks(receiveBlocksMax, blockSizeBytes), receiveBlocksMax),
    leafBlocks: new BlockPool(sharedBlocks(leafBlocksMax, leafSizeBytes), leafBlocksMax),
  };
}
