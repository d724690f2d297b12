import { Counter, type Registry } from "prom-client";
import { addGauge, addLabelledGauge } from "./gauges.ts";

/** Figures of what is stored and of what waits. */
export interface LoadSources {
  /** Counted at most once a minute. */
  contents(): Promise<ContentsFigures>;
  /** By lane: seconds since the job that has been due for the longest time was due; 0 when none is. */
  overdueJobSeconds(): Promise<Readonly<Record<string, number>>>;
  /** Lengths of queues by their names. */
  queues(): Readonly<Record<string, number>>;
  hashQueueBytes(): number;
  listener(): {
    readonly connections: { readonly idle: number; readonly busy: number; readonly refused: number };
    readonly bufferedBytes: number;
  };
  databaseBytes(): Promise<number>;
  databaseLogBytes(): Promise<number>;
}

export interface ContentsFigures {
  readonly vaults: number;
  readonly archives: number;
  readonly sizeBytes: number;
  readonly runningJobs: number;
  readonly waitingJobs: number;
  readonly openUploads: number;
  readonly deadSegments: number;
  readonly auditEntries: number;
  /** Entries that the file of the audit log has not got yet; 0 without such a file. */
  readonly unloggedAuditEntries: number;
}

export function addLoadMetrics(registry: Registry, sources: LoadSources): void {
  // The first: the others ask the database, and would count themselves.
  addLabelledGauge(registry, {
    name: "moraine_queue_length",
    help: "Requests, calls and transfers that wait, by what they wait for; calls of the database also while they run",
    label: "queue",
    values: () => sources.queues(),
  });
  addContents(registry, sources);
  addConnections(registry, sources);
  addLabelledGauge(registry, {
    name: "moraine_job_overdue_seconds",
    help: "Time since the job that has been due for the longest time was due, by lane; 0 when none is due",
    label: "lane",
    values: () => sources.overdueJobSeconds(),
  });
  addGauge(registry, "moraine_hash_queue_bytes", "Bytes that wait to be hashed", () => sources.hashQueueBytes());
  addGauge(registry, "moraine_database_bytes", "Size of the database's file", () => sources.databaseBytes());
  addGauge(registry, "moraine_database_log_bytes", "Size of the database's log (WAL)", () =>
    sources.databaseLogBytes(),
  );
}

function addContents(registry: Registry, sources: LoadSources): void {
  const counted = (name: string, help: string, value: (contents: ContentsFigures) => number) =>
    addGauge(registry, name, `${help}; counted at most once a minute`, async () => value(await sources.contents()));
  counted("moraine_vaults", "Vaults", ({ vaults }) => vaults);
  counted("moraine_archives", "Archives in vaults", ({ archives }) => archives);
  counted("moraine_stored_bytes", "Bytes of the archives in vaults", ({ sizeBytes }) => sizeBytes);
  counted("moraine_open_uploads", "Multipart uploads that are open", ({ openUploads }) => openUploads);
  counted("moraine_dead_segments", "Segments whose bytes the sweeper has yet to remove", (all) => all.deadSegments);
  counted("moraine_audit_entries", "Entries of the audit trail", ({ auditEntries }) => auditEntries);
  counted(
    "moraine_audit_unlogged_entries",
    "Entries that have yet to be written to the file of --audit-log; 0 without one",
    ({ unloggedAuditEntries }) => unloggedAuditEntries,
  );
  addLabelledGauge(registry, {
    name: "moraine_jobs",
    help: "Jobs in progress, by state: running, or waiting until they are due or have their turn; counted at most once a minute",
    label: "state",
    async values() {
      const { runningJobs, waitingJobs } = await sources.contents();
      return { running: runningJobs, waiting: waitingJobs };
    },
  });
}

function addConnections(registry: Registry, { listener }: LoadSources): void {
  addLabelledGauge(registry, {
    name: "moraine_connections",
    help: "Open connections, by state: busy with a request, or idle",
    label: "state",
    values() {
      const { idle, busy } = listener().connections;
      return { idle, busy };
    },
  });
  new Counter({
    name: "moraine_refused_connections_total",
    help: "Connections that were refused, since there were too many",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(listener().connections.refused);
    },
  });
  addGauge(
    registry,
    "moraine_body_memory_bytes",
    "Bytes of JSON bodies that are held in memory",
    () => listener().bufferedBytes,
  );
}
