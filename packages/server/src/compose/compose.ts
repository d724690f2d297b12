import { limits, millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { type Audit, type AuditOptions, startAudit } from "../audit/start.ts";
import type { FailureLimits } from "../auth/failure-limiter.ts";
import type { Keyring, PlainSecret } from "../auth/keyring.ts";
import { PolicyMeters } from "../auth/policy-meter.ts";
import { ManualClock, notBeforeTrusted, systemClock } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import { jobDelays } from "../domain/jobs/job-delays.ts";
import { randomIds } from "../domain/new-id.ts";
import type { Notifier } from "../domain/notifications/notifier.ts";
import type { PolicyMeter } from "../domain/policy/policy-meter.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { describeReadOnly } from "../domain/stores/storage-report.ts";
import type { Clock } from "../domain/time/clock.ts";
import { withFaults } from "../faults/with-faults.ts";
import { type Health, startHealth } from "../health/health.ts";
import { ServiceState } from "../health/service-state.ts";
import { failureLimits } from "../http/connections/limits.ts";
import type { Listener } from "../http/connections/listener.ts";
import { closeListener } from "../http/connections/listening.ts";
import type { PageSources } from "../http/pages/server-pages.ts";
import { perform } from "../http/perform.ts";
import type { JobServices } from "../jobs/context.ts";
import { StorageTimings } from "../telemetry/storage-timings.ts";
import { type AccessConfig, createAccessControl } from "./access.ts";
import { openNotifier, startBackground, startSpaceKeeping } from "./background.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { openListener } from "./listener.ts";
import { loadSources, serviceLoad } from "./load.ts";
import { type OpenOptions, openFolderStores, openKeys, type Stores } from "./stores.ts";
import { openTransfers } from "./transfers.ts";

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

/** Tools that empty vaults poll once, and then sleep for 10 or 15 minutes. */
const jobWaitMilliseconds = 1000;

export interface ComposeOptions {
  readonly log: Logger;
  /** Called once when the service cannot continue; it responds with 500 until it is stopped. */
  onHalt(error: Error): void;
}

/**
 * Opens every part that the configuration names, in the order of durability, and joins them. A start that fails leaves
 * nothing behind.
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
  const state = new ServiceState(onHalt);
  const manualClock = config.clock === "manual" ? new ManualClock(systemClock.now()) : null;
  const timings = new StorageTimings();
  const requestsInProgress = () => listener.load().connections.busy;
  const opening = { log, started, timings, requestsInProgress };
  const stores = await (config.database === null
    ? openFolderStores(config, state, opening)
    : openCluster(config, opening));
  const { metadata, blobs, node, time } = stores;
  const machineClock = manualClock ?? time.clock;
  const { keyring, newKey } = await openKeys(config, { ...stores, log }, machineClock.now());
  if (!node.isShared) {
    await metadata.releaseLeases(machineClock.now());
  }
  const readiness = () => state.reason ?? stores.readOnly()?.reason ?? null;
  const transfers = openTransfers(blobs, state, started);
  const policyMeter = new PolicyMeters();
  const load = loadSources({ state, timings, stores, listener, transfers, policyMeter });
  const health = await startHealth(config, { ...stores, clock: machineClock, readiness, load, log });
  const { trustedClock, damage } = health;
  const events = createEventLog(log, { ...health, ...stores });
  const clock = manualClock ?? notBeforeTrusted(time.clock, trustedClock);
  const services = {
    ...{ metadata, blobs, clock, trustedClock, node, damage },
    ...{ ...transfers, ...termsOf(config), log: events.job },
  };
  const { audit, warnings } = startService(
    config,
    {
      ...{ listener, services, keyring, notifier, health, events, manualClock, machineClock, log },
      systemNow: () => new Date(time.clock.now()),
      ...{ failureLimits, jobWaitMilliseconds, policyMeter },
      ...{ readability: () => state.reason ?? stores.unreadable(), readiness },
    },
    started,
  );
  startSpaceKeeping(stores, events, started);
  state.ready();
  return {
    ...listener.atDoor,
    newKey,
    keyShown: async () => (newKey === null ? undefined : metadata.setUnshownKey(null)),
    clock: machineClock,
    reopenLogs: audit.reopenLog,
    warnings: () => [describeReadOnly(health.storage()) ?? [], ...warnings()].flat(),
    async stop(graceMilliseconds) {
      state.stopping();
      await closeListener(listener, graceMilliseconds);
      await started.disposeAsync();
    },
  };
}

/** Loaded only here: its queries take memory, which servers with a data folder have on threads of their own. */
async function openCluster(config: Config, opening: OpenOptions): Promise<Stores> {
  const { openClusterStores } = await import("./cluster-stores.ts");
  return openClusterStores(config, opening);
}

/** The settings that the joined service reads. */
export type ServiceConfig = AccessConfig & Pick<Config, "audit" | "delays" | "freeTierBytes" | "sharedTopicAccounts">;

/** The parts of a service, opened and not yet joined. */
export interface Parts extends Pick<PageSources, "readability" | "readiness"> {
  readonly listener: Pick<Listener, "serve" | "load">;
  readonly services: JobServices & { readonly metadata: MetadataStore };
  readonly keyring: Keyring;
  readonly policyMeter: PolicyMeter;
  readonly notifier: Notifier;
  readonly health: Pick<Health, "faults" | "storage" | "warnings"> & {
    readonly metrics: { text: PageSources["metrics"] };
  };
  readonly events: EventLog;
  /** Null when the clock cannot be moved. */
  readonly manualClock: ManualClock | null;
  /** The clock before the trusted one corrects it: the manual clock or the system's. */
  readonly machineClock: Clock;
  /** The system's time, which signatures are compared with. */
  systemNow(): Date;
  readonly failureLimits: FailureLimits;
  readonly jobWaitMilliseconds: number;
  readonly log: AuditOptions["log"];
}

/** Joins the parts: starts the audit trail and the work without a caller, and has the listener serve requests. */
export function startService(
  config: ServiceConfig,
  parts: Parts,
  started: AsyncDisposableStack,
): { readonly audit: Audit; warnings(): readonly string[] } {
  const { services, keyring, policyMeter, health, events, machineClock, readability, readiness, log } = parts;
  const { metadata } = services;
  const audit = started.adopt(startAudit({ ...config, ...config.audit, ...services, keyring, log }), ({ stop }) =>
    stop(),
  );
  const warnings = () => [...health.warnings(), ...audit.warnings()];
  const load = serviceLoad(parts);
  const { runner, delivery } = startBackground({ ...parts, load, log: events.delivery }, started);
  const { faults, storage, metrics } = health;
  parts.listener.serve({
    services: { ...services, ...settingsOf(config), policyMeter, runner },
    perform: faults === null ? perform : withFaults(perform, faults),
    ...createAccessControl(config, events.access, {
      ...{ keyring, policyMeter, failureLimits: parts.failureLimits, systemNow: parts.systemNow },
      ...{ metadata, audit, warnings, faults, storage, trustedClock: services.trustedClock },
      ...{ clock: machineClock, manualClock: parts.manualClock, wakeDelivery: delivery.wake, readiness },
      node: services.node,
    }),
    audit,
    pages: { warnings, storage, readability, readiness, metrics: () => metrics.text() },
    onRequest: (record) => {
      load.onRequest(record);
      events.request(record);
    },
  });
  return { audit, warnings };
}

/** The profile, and how long things are kept. */
const termsOf = ({ profile, audit, deletedGraceSeconds, scrubPeriodDays }: Config) => ({
  profile,
  outputMilliseconds: limits.jobOutputRetentionSeconds * 1000,
  auditKeptMilliseconds: audit.keptDays * millisecondsPer.day,
  deletedGraceMilliseconds: deletedGraceSeconds * 1000,
  scrubPeriodMilliseconds: scrubPeriodDays * millisecondsPer.day,
});

function settingsOf(config: ServiceConfig) {
  return {
    delays: jobDelays(config.profile, config.delays),
    region: config.region,
    monthlyFreeBytes: config.freeTierBytes,
    sharedTopicAccounts: new Set(config.sharedTopicAccounts),
    ids: randomIds,
  };
}
