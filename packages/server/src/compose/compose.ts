import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type AccountId, leafSizeBytes, limits, millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { startAudit } from "../audit/start.ts";
import { authenticator } from "../auth/authenticate.ts";
import { accessControl } from "../auth/authorize.ts";
import { FailureLimiter } from "../auth/failure-limiter.ts";
import { openKeyring, type PlainSecret } from "../auth/keyring.ts";
import { PolicyMeters } from "../auth/policy-meter.ts";
import { ensureRootKey } from "../auth/root-key.ts";
import { keyLengthBytes } from "../auth/sealed-box.ts";
import { SealedCredentialStore } from "../auth/sealed-credentials.ts";
import { ManualClock, notBeforeTrusted, systemClock, systemNow } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import { jobDelays } from "../domain/jobs/job-delays.ts";
import { randomIds } from "../domain/new-id.ts";
import type { Notifier } from "../domain/notifications/notifier.ts";
import type { Place } from "../domain/place.ts";
import { RequestCounts } from "../domain/request-counts.ts";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { Installation } from "../domain/stores/installation-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { describeReadOnly } from "../domain/stores/storage-report.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { Instant } from "../domain/time/instant.ts";
import { withFaults } from "../faults/with-faults.ts";
import { startHealth } from "../health/health.ts";
import { ServiceState } from "../health/service-state.ts";
import { connectionsMax, failureLimits, httpLimits } from "../http/connections/limits.ts";
import { createListener, type Listener, type ServiceContext } from "../http/connections/listener.ts";
import { closeListener, listen } from "../http/connections/listening.ts";
import { createOperatorListener } from "../http/connections/operator-listener.ts";
import { readCertificate } from "../http/connections/tls.ts";
import { perform } from "../http/perform.ts";
import type { AdminContext } from "../http/serve-admin.ts";
import type { ClaimLoop } from "../jobs/claim-loop.ts";
import type { JobServices } from "../jobs/context.ts";
import { startDelivery } from "../jobs/delivery.ts";
import { type Runner, startRunner } from "../jobs/runner.ts";
import { startUpkeep } from "../jobs/upkeep.ts";
import { snsNotifier } from "../notify/sns.ts";
import { routedNotifier } from "../notify/topic-router.ts";
import { webhookNotifier } from "../notify/webhook.ts";
import { readWebhooks } from "../notify/webhooks-file.ts";
import { packageVersion } from "../package-version.ts";
import { secretFile } from "../secrets/secret-file.ts";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../segments/blocks.ts";
import { HashPool } from "../segments/hash-pool.ts";
import { RunningIntents } from "../segments/running-intents.ts";
import { SegmentCache } from "../segments/segment-cache.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { startSpaceKeeper } from "../storage/blobs/space-keeper.ts";
import { type DataFolder, openDataFolder } from "../storage/data-folder.ts";
import { prepareHistory } from "../storage/history/prepare.ts";
import { failureReason, openSqliteStore } from "../storage/metadata/sqlite/sqlite-store.ts";
import { withRoomMaking } from "../storage/room-making.ts";
import { createEventLog, type EventLog } from "./event-log.ts";

export interface Service {
  /** Where it listens, as a URL. */
  readonly url: string;
  /** Where metrics are served, if that is an address of their own. */
  readonly metricsUrl: string | null;
  /** The root's key, if it was made and nobody has seen it yet. */
  readonly newKey: PlainSecret | null;
  /** Notes that `newKey`, if there is one, was shown: the next start will not show it again. */
  keyShown(): Promise<void>;
  readonly clock: Clock;
  /** Warnings for the operator of a service that works. */
  warnings(): readonly string[];
  /** Opens files of logs again, which were renamed. */
  reopenLogs(): void;
  /** Has new connections use what the certificate's files now hold; rejects, changing nothing, when that is damaged. Null without TLS. */
  readonly reloadCertificate: (() => Promise<void>) | null;
  /** Lets running requests end, at most this long, and leaves everything in order. */
  stop(graceMilliseconds: number): Promise<void>;
}

/** The memory of all uploads together, 16 MiB, and of all downloads, 16 MiB. */
const receiveBlocksMax = 8;
const leafBlocksMax = 16;
/** A segment of 4 GiB has 128 KiB of leaf hashes. */
const segmentCacheLimits = { segmentsMax: 128, leafBytesMax: 4 * 1024 ** 2, ageMillisecondsMax: 30_000 };
/** One for linear hashes, one for leaves, and more where there are cores for them. */
const hashThreads = Math.max(2, availableParallelism());
/** Tools that empty vaults poll once, and then sleep for 10 or 15 minutes. */
const jobWaitMilliseconds = 1000;

export interface ComposeOptions {
  readonly log: Logger;
  /** Called once when the service cannot continue; it responds with 500 until it is stopped. */
  onHalt(error: Error): void;
}

/**
 * Builds every part, joins them and starts them in the order of durability: no other file calls a driver's constructor.
 * What fails to start leaves nothing behind.
 */
export async function compose(config: Config, options: ComposeOptions): Promise<Service> {
  const started = new AsyncDisposableStack();
  try {
    return await start(config, options, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function start(config: Config, { log, onHalt }: ComposeOptions, started: AsyncDisposableStack): Promise<Service> {
  // The port first: if it is taken, nothing is made.
  const listener = await openListener(config, started);
  const notifier = await openNotifier(config);
  const mode = new ServiceState(onHalt);
  const manualClock = config.clock === "manual" ? new ManualClock(systemClock.now()) : null;
  const machineClock = manualClock ?? systemClock;
  const stores = await openStores(config, mode, { log, started });
  const { metadata, blobs } = stores;
  const { keyring, newKey } = await openKeys(config, { ...stores, log }, machineClock.now());
  await metadata.releaseLeases(machineClock.now());
  const readiness = () => mode.reason ?? blobs.readOnly?.reason ?? null;
  const oversight = await startHealth(config, { ...stores, clock: machineClock, readiness, log });
  const { faults, metrics, damage, trustedClock } = oversight;
  const events = createEventLog(log, oversight);
  const parts = {
    metadata,
    blobs,
    clock: manualClock ?? notBeforeTrusted(systemClock, trustedClock),
    trustedClock,
    damage,
    ...openTransfers(blobs, mode, started),
    ...termsOf(config),
  };
  const audit = started.adopt(startAudit({ ...config, ...config.audit, ...parts, keyring, log }), ({ stop }) => stop());
  const overseen = { ...oversight, warnings: () => [...oversight.warnings(), ...audit.warnings()] };
  const { runner, delivery } = startBackground(parts, notifier, events, started);
  startSpaceKeeping(stores, events, started);
  const shared = { metadata, policyMeter: new PolicyMeters() };
  const inside = { ...shared, clock: machineClock, wakeDelivery: delivery.wake };
  listener.serve({
    services: { ...parts, ...shared, ...settingsOf(config), runner },
    perform: faults === null ? perform : withFaults(perform, faults),
    ...createAccessControl(config, events.access, { ...overseen, ...inside, keyring, manualClock, readiness, audit }),
    audit,
    pages: { ...overseen, readability: () => mode.reason, readiness, metrics: () => metrics.text() },
    onRequest: (record) => events.request(record),
  });
  mode.ready();
  return {
    ...listener.atDoor,
    newKey,
    keyShown: async () => (newKey === null ? undefined : metadata.setUnshownKey(null)),
    clock: machineClock,
    reopenLogs: audit.reopenLog,
    warnings: () => [describeReadOnly(oversight.storage()) ?? [], ...overseen.warnings()].flat(),
    async stop(graceMilliseconds) {
      mode.stopping();
      await closeListener(listener, graceMilliseconds);
      await started.disposeAsync();
    },
  };
}

/** The start-up sequence of durability: lock, probes, database, secrets; each refuses with its reason. */
async function openStores(
  config: Config,
  mode: ServiceState,
  { log, started }: { log: Logger; started: AsyncDisposableStack },
) {
  const folder = await openDataFolder(config.dataFolder, config);
  started.defer(() => folder.release());
  // Before anything is changed: what a damaged folder holds is all that there is.
  const history = prepareHistory(folder, systemClock.now());
  const blobs = new FilesystemBlobStore(folder.path, undefined, history.shelfSeed);
  const { ballast } = folder;
  const { isFull } = await blobs.prepare();
  await blobs.space.measure();
  // A quota can be used up though the file system has room.
  if (folder.isBallastReleased || (isFull && (await ballast.release()))) {
    log.warn("the disk is full: the ballast was removed, so that archives can be read and deleted");
  }
  const sqlite = await openSqliteStore({
    path: folder.databaseFile,
    ...history.storeOptions,
    onFailure: (error) => mode.halt(failureReason(error), error),
  });
  started.defer(() => sqlite.close());
  const metadata = withRoomMaking(sqlite, () => ballast.release());
  const { unshownKeyId } = await claimFolder(config, metadata);
  // After the database: a folder that holds other files but no database is taken for somebody else's.
  const keys = await sealingKeys(config, folder, metadata);
  const { networkFileSystem } = folder;
  const notices = [...folder.notices, ...(await history.notices())];
  return { metadata, blobs, ballast, networkFileSystem, unshownKeyId, notices, ...keys };
}

/** A folder serves the account and the region of its first start: with others a second root would be made, without its vaults. */
async function claimFolder({ dataFolder, accountId, region }: Config, metadata: MetadataStore): Promise<Installation> {
  const installation = await metadata.claimInstallation({ accountId: accountId as AccountId, region });
  if (installation.accountId !== accountId || installation.region !== region) {
    const flags = `--account ${installation.accountId} --region ${installation.region}`;
    throw new Error(
      `The data folder ${dataFolder} belongs to account ${installation.accountId} in region ${installation.region}, not to ` +
        `account ${accountId} in region ${region}: start with ${flags}, or choose another folder`,
    );
  }
  return installation;
}

/** The keys that seal secrets now and did before, if the operator changes them. The default one is made only while nothing is sealed. */
async function sealingKeys(
  { sealingKeyFile, previousSealingKeyFile }: Config,
  folder: DataFolder,
  metadata: MetadataStore,
): Promise<{ sealingKey: Buffer; previous: Buffer | null }> {
  const sealed = [...(await metadata.dataKeys()), ...(await metadata.listUnwrappedSecrets({ limit: 1 }))];
  const make = sealed.length === 0 ? () => randomBytes(keyLengthBytes) : null;
  return {
    sealingKey:
      sealingKeyFile === null
        ? await secretFile(join(folder.path, "secrets.key"), keyLengthBytes, make)
        : await secretFile(sealingKeyFile, keyLengthBytes, null),
    previous: previousSealingKeyFile === null ? null : await secretFile(previousSealingKeyFile, keyLengthBytes, null),
  };
}

/** The keys that seal and the root's key, which is made if there is none. */
async function openKeys(config: Config, stores: Stores & { log: Logger }, now: Instant) {
  const { metadata, sealingKey, previous, unshownKeyId, log } = stores;
  const keyring = await openKeyring(metadata, { sealingKey, previous, now });
  const accountId = config.accountId as AccountId;
  const options = { accountId, given: config.rootKey, keyring, unshownKeyId, now, log };
  return { keyring, newKey: await ensureRootKey(metadata, options) };
}

type Stores = Awaited<ReturnType<typeof openStores>>;

/** Authentication and authorization: the vault API and the admin API have the same rules, each with a signature of its own. */
function createAccessControl(
  config: Config,
  { tooCostly: onTooCostly }: EventLog["access"],
  parts: Omit<
    AdminContext["services"],
    | "access"
    | "requestCounts"
    | "systemNow"
    | "region"
    | "profile"
    | "operatorAccountId"
    | "isEphemeral"
    | "version"
    | "uptimeSeconds"
  >,
): Pick<ServiceContext, "identify" | "access" | "admin" | "sts" | "requestCounts"> {
  const { region, profile, presigned, unsignedHeaders } = config;
  const credentials = new SealedCredentialStore(parts.metadata, parts.keyring);
  const common = { credentials, region, failures: new FailureLimiter(failureLimits), systemNow };
  const access = accessControl({
    metadata: parts.metadata,
    region,
    now: () => parts.clock.now(),
    policyNow: () => parts.trustedClock.policyNow(),
    policyMeter: parts.policyMeter,
    onTooCostly,
  });
  const requestCounts = new RequestCounts();
  const services = {
    ...parts,
    access,
    requestCounts,
    systemNow,
    region,
    profile,
    operatorAccountId: config.accountId as AccountId,
    isEphemeral: config.isEphemeral,
    version: packageVersion(),
    uptimeSeconds: () => process.uptime(),
  };
  return {
    identify: authenticator({ ...common, service: "glacier", presigned, unsignedHeaders }),
    access,
    requestCounts,
    sts: {
      region,
      identify: authenticator({ ...common, service: "sts", presigned: "off", unsignedHeaders: "refuse" }),
    },
    admin: {
      services,
      identify: authenticator({ ...common, service: "moraine", presigned: "off", unsignedHeaders: "refuse" }),
      forgetCredentials: () => credentials.forgetAll(),
    },
  };
}

/** The parts that move bytes, and that bound the memory which moving them takes. */
function openTransfers(blobs: BlobStore, mode: ServiceState, started: AsyncDisposableStack) {
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

/** Topics that nothing maps have no endpoint; what loads a library does so with the first message that needs it. */
async function openNotifier({ webhooksFile, snsEndpoint, sharedTopicAccounts }: Config): Promise<Notifier> {
  const webhooks = webhooksFile === null ? new Map() : await readWebhooks(webhooksFile);
  return routedNotifier({
    webhooks: { topics: new Set(webhooks.keys()), notifier: webhookNotifier({ webhooks, systemNow }) },
    sns: snsEndpoint === null ? null : snsNotifier(snsEndpoint),
    sharedTopicAccounts: new Set(sharedTopicAccounts),
  });
}

/** Work without a caller. What wakes another is stopped before it. */
function startBackground(
  parts: Omit<JobServices, "log">,
  notifier: Notifier,
  events: EventLog,
  started: AsyncDisposableStack,
): { runner: Runner; delivery: ClaimLoop } {
  const { metadata, clock } = parts;
  const delivery = startDelivery({ metadata, clock, notifier, log: events.delivery });
  started.defer(() => delivery.stop());
  const services = { ...parts, log: events.job };
  const runner = startRunner(services, { onEnd: delivery.wake, waitMilliseconds: jobWaitMilliseconds });
  started.defer(() => runner.stop());
  const upkeep = startUpkeep(services);
  started.defer(() => upkeep.stop());
  return { runner, delivery };
}

function startSpaceKeeping({ blobs, ballast }: Stores, events: EventLog, started: AsyncDisposableStack): void {
  const keeper = startSpaceKeeper({
    space: blobs.space,
    ballast,
    onFailure: (error) => events.job.postponed("making the ballast", error),
  });
  started.defer(() => keeper.stop());
}

/** The profile, and how long things are kept. */
const termsOf = ({ profile, audit, deletedGraceSeconds }: Config) => ({
  profile,
  outputMilliseconds: limits.jobOutputRetentionSeconds * 1000,
  auditKeptMilliseconds: audit.keptDays * millisecondsPer.day,
  deletedGraceMilliseconds: deletedGraceSeconds * 1000,
});

function settingsOf(config: Config) {
  return {
    delays: jobDelays(config.profile, config.delays),
    region: config.region,
    monthlyFreeBytes: config.freeTierBytes,
    sharedTopicAccounts: new Set(config.sharedTopicAccounts),
    ids: randomIds,
  };
}

async function openListener(config: Config, started: AsyncDisposableStack) {
  const { tls, listen: place, trustedProxies, connectionsPerAddressMax, metrics } = config;
  const certificate = tls && (await readCertificate(tls));
  const limits = { ...httpLimits, connectionsMax: connectionsMax(), connectionsPerAddressMax };
  const listener = createListener({
    limits,
    trustedProxies,
    servesMetrics: metrics === "with-api",
    certificate,
    systemNow,
  });
  const url = await listen(listener.server, { ...place, isTls: tls !== null });
  started.defer(() => closeListener(listener, 0));
  const metricsUrl = typeof metrics === "string" ? null : await openOperatorListener(listener, metrics, started);
  const reloadCertificate = tls && (async () => listener.replaceCertificate(await readCertificate(tls)));
  return { ...listener, atDoor: { url, metricsUrl, reloadCertificate } };
}

async function openOperatorListener({ pages }: Listener, place: Place, started: AsyncDisposableStack): Promise<string> {
  const server = createOperatorListener(pages);
  const url = await listen(server, { ...place, isTls: false });
  started.defer(() => closeListener({ server }, 0));
  return url;
}
