import { stat } from "node:fs/promises";
import type { PolicyMeters } from "../auth/policy-meter.ts";
import { ifPresent } from "../files/missing.ts";
import type { ServiceState } from "../health/service-state.ts";
import type { Listener, RequestRecord } from "../http/connections/listener.ts";
import type { HashPool } from "../segments/hashing/hash-pool.ts";
import type { StorageTimings } from "../telemetry/storage-timings.ts";
import type { Stores } from "./stores.ts";
import type { openTransfers } from "./transfers.ts";

interface LoadedParts {
  readonly state: ServiceState;
  readonly timings: StorageTimings;
  readonly stores: Pick<Stores, "callsInProgress" | "disk">;
  readonly listener: Pick<Listener, "load">;
  readonly transfers: ReturnType<typeof openTransfers>;
  readonly policyMeter: PolicyMeters;
}

/** Joins the figures that the parts have of their load. */
export function loadSources({ state, timings, stores, listener, transfers, policyMeter }: LoadedParts) {
  const { receiveBlocks, leafBlocks, hashPool } = transfers;
  const databaseFile = stores.disk?.databaseFile ?? null;
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
    hashQueueBytes: () => queuedBytesOf(hashPool),
    listener: () => listener.load(),
    databaseBytes: () => sizeOf(databaseFile),
    databaseLogBytes: () => sizeOf(databaseFile && `${databaseFile}-wal`),
  };
}

interface ServingParts {
  readonly listener: Pick<Listener, "load">;
  readonly services: { readonly hashPool: Pick<HashPool, "loads"> };
}

/** The work that the service does for its clients, to which work in the background gives way. */
export function serviceLoad({ listener, services }: ServingParts) {
  let ended = 0;
  return {
    running: () => listener.load().connections.busy,
    ended: () => ended,
    hashQueueBytes: () => queuedBytesOf(services.hashPool),
    onRequest({ operation }: Pick<RequestRecord, "operation">) {
      // Pages are what supervisors and Prometheus ask for.
      ended += operation === "page" ? 0 : 1;
    },
  };
}

const queuedBytesOf = ({ loads }: Pick<HashPool, "loads">): number =>
  loads.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0);

/** 0 for a file that is missing, or elsewhere. */
const sizeOf = async (path: string | null): Promise<number> =>
  path === null ? 0 : ((await ifPresent(stat(path)))?.size ?? 0);
