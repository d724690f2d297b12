import { stat } from "node:fs/promises";
import type { PolicyMeters } from "../auth/policy-meter.ts";
import { ifPresent } from "../files/missing.ts";
import type { ServiceState } from "../health/service-state.ts";
import type { Listener } from "../http/connections/listener.ts";
import type { StorageTimings } from "../telemetry/storage-timings.ts";
import type { Stores } from "./stores.ts";
import type { openTransfers } from "./transfers.ts";

interface LoadedParts {
  readonly state: ServiceState;
  readonly timings: StorageTimings;
  readonly stores: Pick<Stores, "callsInProgress" | "databaseFile">;
  readonly listener: Pick<Listener, "load">;
  readonly transfers: ReturnType<typeof openTransfers>;
  readonly policyMeter: PolicyMeters;
}

/** Joins the figures that the parts have of their load. */
export function loadSources({ state, timings, stores, listener, transfers, policyMeter }: LoadedParts) {
  const { receiveBlocks, leafBlocks, hashPool } = transfers;
  return {
    timings,
    isHalted: () => state.isHalted,
    queues() {
      const { writer, lookups, lists } = stores.callsInProgress();
      return {
        requests_in_turn: listener.load().waitingRequests,
        requests_of_costly_policies: policyMeter.waitingCount,
        metadata_changes: writer,
        metadata_lookups: lookups,
        metadata_lists: lists,
        upload_memory: receiveBlocks.waitingCount,
        download_memory: leafBlocks.waitingCount,
      };
    },
    hashQueueBytes: () => hashPool.loads.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
    listener: () => listener.load(),
    databaseBytes: () => sizeOf(stores.databaseFile),
    databaseLogBytes: () => sizeOf(`${stores.databaseFile}-wal`),
  };
}

/** 0 for a file that is missing. */
const sizeOf = async (path: string): Promise<number> => (await ifPresent(stat(path)))?.size ?? 0;
