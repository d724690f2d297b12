import { millisecondsPer } from "@moraine/protocol";
import type { AuditTrail } from "../domain/audit.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Clock } from "../domain/time/clock.ts";
import { archiveTime, type TrustedClock } from "../domain/time/trusted-clock.ts";
import { anchorExport, anchorSender } from "./anchor-export.ts";
import { type AnchorOptions, openAnchorSigner, type SignHead } from "./anchors.ts";
import { Attempts, attemptLimits } from "./attempts.ts";
import { type LogTarget, openLogTarget } from "./log-target.ts";
import { type Repeated, repeat } from "./repeated.ts";
import { RequestTrail } from "./request-trail.ts";
import type { AuditSettings } from "./settings.ts";
import { writeTrailLog } from "./trail-log.ts";

export interface AuditOptions extends Omit<AnchorOptions, "metadata" | "now">, AuditSettings {
  readonly metadata: UnrecordedMetadata;
  readonly clock: Pick<Clock, "now">;
  readonly trustedClock: TrustedClock;
  /** For what an operator should know. */
  readonly log: AuditEventLog;
}

interface AuditEventLog {
  warn(facts: { readonly err?: unknown }, message: string): void;
}

export interface Audit extends AuditTrail {
  readonly keptDays: number;
  /** Signs heads of the trail; the key is opened when it is first asked for. */
  signer(): Promise<SignHead>;
  /** Messages that an operator should read though the service works. */
  warnings(): readonly string[];
  /** Opens the file of the log again: it was renamed. */
  reopenLog(): void;
  /** Writes down what waits, and exports the last head. */
  stop(): Promise<void>;
}

const logMilliseconds = 1000;

/** Records what requests do: changes with their transactions, attempts in batches. */
export function startAudit(options: AuditOptions): Audit {
  const { metadata, keptDays, logPath } = options;
  const now = () => archiveTime(options);
  const onFailure = (error: unknown) =>
    options.log.warn({ err: error }, "denied attempts could not be recorded; tried again");
  const attempts = new Attempts({ metadata, limits: attemptLimits, now, onFailure });
  let opened: Promise<SignHead> | null = null;
  const signer = () => {
    opened ??= openAnchorSigner({ ...options, now });
    return opened;
  };
  const log = logPath === null ? null : openLogTarget(logPath);
  const repeated = startRepeated(options, log, signer);
  return {
    begin: (request) => new RequestTrail({ metadata, attempts, now }, request),
    keptDays,
    signer,
    warnings: () => repeated.flatMap(({ warning }) => warning() ?? []),
    reopenLog: () => log?.reopen(),
    async stop() {
      await attempts.stop();
      await Promise.all(repeated.map((one) => one.stop()));
      await log?.close();
    },
  };
}

function startRepeated(options: AuditOptions, log: LogTarget | null, signer: () => Promise<SignHead>): Repeated[] {
  const { metadata, logPath, anchorTarget, anchorMinutes } = options;
  const events = {
    warn: (error: unknown, message: string) => options.log.warn({ err: error }, message),
    noteRecovery: (message: string) => options.log.warn({}, message),
  };
  const repeated: Repeated[] = [];
  if (log !== null) {
    repeated.push(
      repeat({
        ...events,
        name: `writing the audit log ${logPath}`,
        pauseMilliseconds: logMilliseconds,
        run: () => writeTrailLog(metadata, log),
      }),
    );
  }
  if (anchorTarget !== null) {
    repeated.push(
      repeat({
        ...events,
        name: `exporting anchors of the audit trail to ${anchorTarget}`,
        pauseMilliseconds: anchorMinutes * millisecondsPer.minute,
        run: anchorExport(metadata, signer, anchorSender(anchorTarget)),
      }),
    );
  }
  return repeated;
}
