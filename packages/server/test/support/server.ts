import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type AccountId, leafSizeBytes } from "@moraine/protocol";
import type { AuthenticateOptions } from "../../src/auth/authenticate.ts";
import type { FailureLimits } from "../../src/auth/failure-limiter.ts";
import { openKeyring } from "../../src/auth/keyring.ts";
import { ensureRootKey } from "../../src/auth/root-key.ts";
import { ManualClock, notBeforeTrusted, systemNow } from "../../src/clock/clocks.ts";
import { startTrustedClock } from "../../src/clock/trusted-clock.ts";
import { type ServiceConfig, startService } from "../../src/compose/compose.ts";
import type { EventLog } from "../../src/compose/event-log.ts";
import type { JobDelays } from "../../src/domain/jobs/job.ts";
import { onlyNode } from "../../src/domain/node.ts";
import { NoEndpointError, type Notifier } from "../../src/domain/notifications/notifier.ts";
import type { PolicyMeter } from "../../src/domain/policy/policy-meter.ts";
import type { CorruptSegmentError } from "../../src/domain/segment.ts";
import type { BlobStore } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { noDeletedBytes } from "../../src/domain/stores/storage-report.ts";
import type { Damage } from "../../src/domain/vaults/damage.ts";
import type { Profile } from "../../src/domain/vaults/vault.ts";
import type { FaultRegistry } from "../../src/faults/fault-registry.ts";
import { warningsOf } from "../../src/health/warnings.ts";
import {
  createListener,
  type Listener,
  type ListenerOptions,
  type RequestRecord,
} from "../../src/http/connections/listener.ts";
import type { JobServices, SweepResult } from "../../src/jobs/context.ts";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../../src/segments/blocks.ts";
import { DamageReports } from "../../src/segments/damage-reports.ts";
import { HashPool } from "../../src/segments/hashing/hash-pool.ts";
import { RunningIntents } from "../../src/segments/running-intents.ts";
import { SegmentCache } from "../../src/segments/segment-cache.ts";
import { openInlineStore } from "./inline-store.ts";
import { MemoryBlobStore } from "./memory-blobs.ts";
import { type SignedClient, signedClient } from "./signed-request.ts";
import { openTwoStores, startBalancer, type TestNode, testDatabaseUrl } from "./two-nodes.ts";
import { unmetered } from "./unmetered.ts";

export const accountId = "012345678901" as AccountId;
export const region = "us-east-1";
/** When the manual clock of every test server begins: 2026-03-04T05:06:07.089Z. */
export const startTime = Date.UTC(2026, 2, 4, 5, 6, 7, 89);
export const hourMilliseconds = 60 * 60 * 1000;
export const dayMilliseconds = 24 * hourMilliseconds;

export interface TestServerOptions {
  readonly profile?: Profile;
  readonly delays?: Partial<JobDelays>;
  readonly monthlyFreeBytes?: number;
  readonly blobs?: BlobStore;
  /** Not closed with the server: another may be started over it. */
  readonly metadata?: MetadataStore;
  /** 1 for what each node has for itself, like counts of requests. @default 2 when there is a database for tests */
  readonly nodes?: 1 | 2;
  readonly clock?: ManualClock;
  /** Nobody is at the end of any topic, unless a test says otherwise. */
  readonly notifier?: Notifier;
  /** @default none */
  readonly sharedTopicAccounts?: ReadonlySet<string>;
  /** How long InitiateJob waits for a job that may end soon. @default 1000 */
  readonly jobWaitMilliseconds?: number;
  /** @default one that admits everything */
  readonly policyMeter?: PolicyMeter;
  /** False is a server that takes the clock for a machine's, and does not believe its jumps. @default true: tests move it on purpose */
  readonly trustsClock?: boolean;
  /** The account, its root's key and the key that seals it: those of a server that has written the store before. @default those of all test servers */
  readonly installation?: TestInstallation;
  readonly faults?: FaultRegistry;
  /** Whether the service may forget locked vaults. @default false */
  readonly isEphemeral?: boolean;
  readonly presigned?: AuthenticateOptions["presigned"];
  readonly unsignedHeaders?: AuthenticateOptions["unsignedHeaders"];
  readonly limits?: Partial<ListenerOptions["limits"]>;
  readonly trustedProxies?: ListenerOptions["trustedProxies"];
  /** False hides from the admin API that the clock can be moved. @default true */
  readonly manualClock?: boolean;
  /** By default a client may fail as often as it likes. */
  readonly failures?: FailureLimits;
  /** The time that signatures are compared with; the system's, unless a test says otherwise. */
  readonly systemNow?: () => Date;
}

export interface TestInstallation {
  readonly accountId: string;
  readonly rootKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly sealingKey: Buffer;
  /** The key that sealed until now, if it was another. @default none */
  readonly previous?: Buffer | null;
}

export interface TestServer {
  readonly port: number;
  readonly client: SignedClient;
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly clock: ManualClock;
  /** The internal parts, for tests that prepare or damage something. */
  readonly parts: JobServices & { readonly metadata: MetadataStore };
  /** One for each request that has ended. */
  readonly records: readonly RequestRecord[];
  /** Failures of the runner and of upkeep. */
  readonly postponed: readonly unknown[];
  /** One for each pass over the blobs that are to be removed. */
  readonly sweeps: readonly SweepResult[];
  /** Damage that an operator was notified of. */
  readonly damaged: readonly Damage[];
  /** Damaged parts of uploads that the scrub has met. */
  readonly damagedParts: readonly CorruptSegmentError[];
  /** Manifests that the scrub has found damaged or has written, by their archives. */
  readonly manifests: readonly string[];
  /** Keys of segments of which a copy was replaced by the other. */
  readonly repaired: readonly string[];
  /** Attempts to deliver a message, in order: `delivered`, or why not. */
  readonly deliveries: readonly string[];
  /** Policies that denied since they cost too much to evaluate. */
  readonly tooCostly: readonly string[];
  stop(): Promise<void>;
}

const key = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
/** The same for all, so that a second server can be started over the store of another. */
const installation: TestInstallation = { accountId, rootKey: key, sealingKey: randomBytes(32) };
const noDelays: JobDelays = { expeditedSeconds: 0, standardSeconds: 0, bulkSeconds: 0, inventorySeconds: 0 };

/**
 * The whole service on a free port of 127.0.0.1, in this process: memory drivers, a clock that tests move, real hashing threads. With a
 * database for tests, it is two nodes that get the requests in turn, unless a test brings its own store.
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const started = new AsyncDisposableStack();
  const own = options.installation ?? installation;
  const parts: SharedParts = {
    own,
    manualClock: options.clock ?? new ManualClock(startTime),
    blobs: options.blobs ?? new MemoryBlobStore(),
    seen: observe(),
    damaged: [],
  };
  const stores = await openStores(options, started);
  const nodes: StartedNode[] = [];
  for (const store of stores) {
    nodes.push(await startNode(store, parts, options, started));
  }
  const [{ port: firstPort, services }] = nodes as [StartedNode];
  const port =
    nodes.length === 1
      ? firstPort
      : await startBalancer(
          nodes.map((node) => node.port),
          started,
        );
  const client = started.adopt(signedClient({ port, key: own.rootKey, region }), ({ close }) => close());
  const { events: _, ...seen } = parts.seen;
  return {
    port,
    client,
    key: own.rootKey,
    clock: parts.manualClock,
    parts: services,
    damaged: parts.damaged,
    ...seen,
    stop: () => started.disposeAsync(),
  };
}

/** Parts that all nodes of a test server share. */
interface SharedParts {
  readonly own: TestInstallation;
  readonly manualClock: ManualClock;
  readonly blobs: BlobStore;
  readonly seen: ReturnType<typeof observe>;
  readonly damaged: Damage[];
}

interface StartedNode {
  readonly port: number;
  readonly services: JobServices & { readonly metadata: MetadataStore };
}

async function openStores(
  { metadata, nodes = 2 }: TestServerOptions,
  started: AsyncDisposableStack,
): Promise<TestNode[]> {
  if (metadata === undefined && testDatabaseUrl !== undefined) {
    return (await openTwoStores(testDatabaseUrl, started)).slice(0, nodes);
  }
  const only = metadata ?? started.adopt(await openInlineStore(":memory:"), (store) => store.close());
  return [{ metadata: only, node: onlyNode }];
}

async function startNode(
  { metadata, node }: TestNode,
  { own, manualClock, blobs, seen, damaged }: SharedParts,
  options: TestServerOptions,
  started: AsyncDisposableStack,
): Promise<StartedNode> {
  const { systemNow: now = systemNow, faults = null } = options;
  const { clock, trustedClock } = await openClocks(manualClock, metadata, options.trustsClock ?? true);
  const { events, postponed } = seen;
  const damageLog = { found: (found: Damage) => damaged.push(found), repaired: () => undefined, met: () => undefined };
  const damage = new DamageReports({ metadata, clock, log: damageLog });
  const services = {
    ...{ metadata, clock, trustedClock, node, damage, log: events.job },
    ...openTransfers(blobs, started),
    profile: options.profile ?? "practical",
    outputMilliseconds: dayMilliseconds,
    auditKeptMilliseconds: keptDays * dayMilliseconds,
    deletedGraceMilliseconds: dayMilliseconds,
    scrubPeriodMilliseconds: 30 * dayMilliseconds,
  };
  const keyring = await openKeyring(metadata, { previous: null, ...own, now: clock.now() });
  await ensureRootKey(metadata, {
    ...{ accountId: own.accountId as AccountId, given: own.rootKey, keyring, unshownKeyId: null, now: clock.now() },
    log: { warn: () => undefined },
  });
  if (!node.isShared) {
    await metadata.releaseLeases(clock.now());
  }
  const listener = createListener({
    limits: { ...testLimits, ...options.limits },
    trustedProxies: options.trustedProxies ?? [],
    servesMetrics: true,
    certificate: null,
    systemNow: now,
  });
  const health = {
    faults,
    storage: () => storageReport,
    warnings: () =>
      warningsOf({ trustedClock, faults, networkFileSystem: null, damage: damage.counts, damagedRows: 0 }),
    metrics: { text: async () => ({ contentType: "text/plain", text: "" }) },
  };
  startService(
    configOf(options),
    {
      ...{ listener, services, keyring, health, events, systemNow: now },
      policyMeter: options.policyMeter ?? unmetered.policyMeter,
      notifier: options.notifier ?? nobody,
      manualClock: options.manualClock === false ? null : manualClock,
      machineClock: manualClock,
      failureLimits: { ...failureLimits, ...options.failures },
      jobWaitMilliseconds: options.jobWaitMilliseconds ?? 1000,
      ...{ readability: () => null, readiness: () => null },
      log: { warn: ({ err }) => postponed.push(err) },
    },
    started,
  );
  return { port: await listen(listener, started), services };
}

async function openClocks(manualClock: ManualClock, metadata: MetadataStore, trustsClock: boolean) {
  const trustedClock = startTrustedClock({
    clock: manualClock,
    monotonic: () => performance.now(),
    // Each server runs on a machine that has just booted.
    bootId: null,
    kept: await metadata.trustedTime(),
    followsClock: trustsClock,
    isManual: trustsClock,
    onLag: () => undefined,
  });
  return { trustedClock, clock: trustsClock ? manualClock : notBeforeTrusted(manualClock, trustedClock) };
}

/** Keeps what a server would log. */
function observe() {
  const records: RequestRecord[] = [];
  const postponed: unknown[] = [];
  const sweeps: SweepResult[] = [];
  const damagedParts: CorruptSegmentError[] = [];
  const repaired: string[] = [];
  const manifests: string[] = [];
  const deliveries: string[] = [];
  const tooCostly: string[] = [];
  const events: EventLog = {
    job: {
      moved: () => undefined,
      finished: () => undefined,
      postponed: (_what, error) => postponed.push(error),
      deletedBytes: () => undefined,
      damagedRow: (row) => postponed.push(row),
      swept: (result) => sweeps.push(result),
      readBack: () => undefined,
      scrubbed: () => undefined,
      progress: () => undefined,
      repaired: (key) => repaired.push(key),
      damagedPart: (error) => damagedParts.push(error),
      damagedManifest: (error, archiveId) => manifests.push(`${archiveId} damaged: ${error.reason}`),
      manifestWritten: (archiveId) => manifests.push(`${archiveId} written`),
    },
    delivery: {
      delivered: () => deliveries.push("delivered"),
      undelivered: (_message, state, reason) => deliveries.push(`${state}: ${reason}`),
      postponed: (_what, error) => postponed.push(error),
    },
    access: { tooCostly: (source, resource) => tooCostly.push(`${source} of ${resource}`) },
    request: (record) => records.push(record),
  };
  return { events, records, postponed, sweeps, damagedParts, repaired, manifests, deliveries, tooCostly };
}

function openTransfers(blobs: BlobStore, started: AsyncDisposableStack) {
  const segments = new SegmentCache(blobs, segmentCacheLimits);
  started.defer(() => segments.close());
  return {
    ...{ blobs, segments, intents: new RunningIntents(), hashPool: sharedHashPool() },
    receiveBlocks: new BlockPool(sharedBlocks(64, blockSizeBytes), 64),
    leafBlocks: new BlockPool(sharedBlocks(16, leafSizeBytes), 16),
  };
}

function configOf(options: TestServerOptions): ServiceConfig {
  const { profile = "practical", presigned = "reads", unsignedHeaders = "refuse", isEphemeral = false } = options;
  const { delays, monthlyFreeBytes = 10 * 1024 ** 3, sharedTopicAccounts = [] } = options;
  return {
    accountId: (options.installation ?? installation).accountId,
    ...{ region, profile, presigned, unsignedHeaders, isEphemeral },
    audit: { keptDays, logPath: null, anchorTarget: null, anchorMinutes: 15 },
    delays: { ...noDelays, ...delays },
    freeTierBytes: monthlyFreeBytes,
    sharedTopicAccounts: [...sharedTopicAccounts],
  };
}

/** Resolves to the port. The listener is closed first when the server stops. */
async function listen({ server }: Pick<Listener, "server">, started: AsyncDisposableStack): Promise<number> {
  started.defer(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const keptDays = 400;
const segmentCacheLimits = { segmentsMax: 8, leafBytesMax: 1024 ** 2, ageMillisecondsMax: 600_000 };
const storageReport = { readOnly: null, freeBytes: 1000, reserveBytes: 100, deleted: noDeletedBytes };
const failureLimits: FailureLimits = { burst: 1_000_000, perSecond: 1 };
const nobody: Notifier = { notify: () => Promise.reject(new NoEndpointError()) };

export const testLimits = {
  stallSeconds: 30,
  bytesPerSecondMin: 1,
  durationSecondsMax: 60,
  sendStallSeconds: 30,
  drainBytesMax: 64 * 1024 ** 2,
  drainSecondsMax: 5,
  bufferedBytesMax: 8 * 1024 ** 2,
  connectionsMax: 512,
  connectionsPerAddressMax: 512,
  turnedAwaySeconds: 600,
  requestsPerConnectionMax: 100_000,
  strangers: { burst: 1_000_000, perSecond: 1 },
};

let hashPool: HashPool | undefined;

/** Threads are slow to start, and bodies do not disturb each other: the servers of a test file share one pool. */
export function sharedHashPool(): HashPool {
  hashPool ??= new HashPool(2, (error) => {
    throw error;
  });
  return hashPool;
}
