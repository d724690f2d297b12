import type { AuditAnchor } from "../audit-anchor.ts";
import type { AuditOutcome } from "../audit-chain.ts";
import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoInput,
  pageQuery,
} from "./admin-operation.ts";

/** Filters of `ListAuditEntries`; each is compared for equality, but for the two times. */
export const auditFilters = ["since", "until", "account", "principal", "operation", "vault", "outcome"] as const;

// biome-ignore format: one line per operation reads as a table.
export const auditOperations = {
  ListAuditEntries: { method: "GET", path: "/admin/audit",      status: 200, scope: "service", resource: "any", request: "none", response: "json", query: [...auditFilters, ...pageQuery] },
  GetAuditHead:     { method: "GET", path: "/admin/audit/head", status: 200, scope: "service", resource: "any", request: "none", response: "json" },
} as const satisfies Record<string, AdminOperation>;

export interface AuditShapes {
  /** Oldest first. A page may hold fewer entries than asked for, or none, though more follow. */
  ListAuditEntries: { input: ListAuditEntriesInput; output: ListAuditEntriesOutput };
  /** Where the trail begins and ends now, signed. */
  GetAuditHead: { input: NoInput; output: AuditHeadDescription };
}

export interface ListAuditEntriesInput extends AdminPageInput {
  /** ISO 8601: entries from this time on. */
  readonly since?: string | undefined;
  /** ISO 8601: entries before this time. */
  readonly until?: string | undefined;
  readonly account?: string | undefined;
  /** `root`, `user/NAME` or `service`. */
  readonly principal?: string | undefined;
  readonly operation?: string | undefined;
  /** `NAME`, in any account, or `ACCOUNT/NAME`. */
  readonly vault?: string | undefined;
  readonly outcome?: string | undefined;
}

export interface AuditEntryDescription {
  readonly Sequence: number;
  /** ISO 8601. */
  readonly Time: string;
  readonly AccountId: string | null;
  readonly Principal: string | null;
  readonly AccessKeyId: string | null;
  readonly SourceAddress: string | null;
  readonly Operation: string;
  /** `ACCOUNT/NAME`. */
  readonly Vault: string | null;
  /** The archive, upload, job, user, policy or key. */
  readonly Subject: string | null;
  readonly Outcome: AuditOutcome;
  readonly Reason: string | null;
  readonly RequestId: string | null;
  /** Lower-case hex. */
  readonly Hash: string;
}

export interface ListAuditEntriesOutput extends AdminPageOutput {
  readonly AuditEntries: readonly AuditEntryDescription[];
  /** A marker also after the last page: what is recorded from then on follows it. */
  readonly NextMarker: string;
}

export interface AuditHeadDescription {
  /** The last entry that was pruned; 0 when none was. */
  readonly PrunedThrough: number;
  /** Its hash, which the first entry that is left follows. */
  readonly PrunedHash: string;
  readonly KeptDays: number;
  readonly Anchor: AuditAnchor;
}
