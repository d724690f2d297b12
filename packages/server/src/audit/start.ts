import type { AuditTrail } from "../domain/audit.ts";
import type { UnrecordedMetadata } from "../domain/recorded-changes.ts";
import { type AnchorOptions, openAnchorSigner, type SignHead } from "./anchors.ts";
import { Attempts, attemptLimits } from "./attempts.ts";
import { RequestTrail } from "./request-trail.ts";

export interface AuditOptions extends Omit<AnchorOptions, "metadata"> {
  readonly metadata: UnrecordedMetadata;
  /** How long entries are kept. */
  readonly keptDays: number;
  /** Called for what an operator should know. */
  warn(error: unknown, message: string): void;
}

export interface Audit extends AuditTrail {
  readonly keptDays: number;
  /** Signs heads of the trail; the key is opened when it is first asked for. */
  signer(): Promise<SignHead>;
  /** Writes down what waits. */
  stop(): Promise<void>;
}

/** Records what requests do: changes with their transactions, attempts in batches. */
export function startAudit(options: AuditOptions): Audit {
  const { metadata, now, keptDays, warn } = options;
  const onFailure = (error: unknown) => warn(error, "denied attempts could not be recorded; tried again");
  const attempts = new Attempts({ metadata, limits: attemptLimits, now, onFailure });
  let signer: Promise<SignHead> | null = null;
  return {
    begin: (request) => new RequestTrail({ metadata, attempts, now }, request),
    keptDays,
    signer() {
      signer ??= openAnchorSigner(options);
      return signer;
    },
    stop: () => attempts.stop(),
  };
}
