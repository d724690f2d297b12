/** One entry of an audit trail. A field that does not apply is null. */
export interface AuditRecord {
  /** 1 for the first entry; then without a gap. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly accountId: string | null;
  /** `root`, `user/NAME`, or `service` for the service itself. */
  readonly principal: string | null;
  readonly accessKeyId: string | null;
  readonly address: string | null;
  readonly operation: string;
  /** `ACCOUNT/NAME`. */
  readonly vault: string | null;
  /** The archive, upload, job, user, policy or key. */
  readonly subject: string | null;
  readonly outcome: AuditOutcome;
  readonly reason: string | null;
  readonly requestId: string | null;
}

/** `omitted` stands for attempts that were too many to be recorded one by one. */
export const auditOutcomes = ["done", "denied", "unauthenticated", "failed", "omitted"] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** An entry as it is kept: its hash is that of `auditText`, in lower-case hex. */
export interface AuditRow extends AuditRecord {
  readonly hash: string;
}

/** A place in the chain. */
export interface ChainPlace {
  readonly sequence: number;
  readonly hash: string;
}

/** Place before the first entry. */
export const chainOrigin: ChainPlace = { sequence: 0, hash: "0".repeat(64) };

/** The text whose SHA-256 is the entry's hash: the previous entry's hash, a line feed, and the fields as a JSON array. */
export function auditText(previousHash: string, record: AuditRecord): string {
  const { sequence, time, accountId, principal, accessKeyId, address } = record;
  const { operation, vault, subject, outcome, reason, requestId } = record;
  const fields = [sequence, time, accountId, principal, accessKeyId, address, operation, vault, subject, outcome];
  return `${previousHash}\n${JSON.stringify([...fields, reason, requestId])}`;
}

/** The operation of the entry that says up to where the trail was pruned; its subject is `pruningSubject`. */
export const pruningOperation = "PruneAuditTrail";
export const pruningSubject = ({ sequence, hash }: ChainPlace): string => `${sequence} ${hash}`;
