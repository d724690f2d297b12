import type { AuditOutcome, AuditRecord, AuditRow, ChainPlace } from "@moraine/protocol";
import type { Instant } from "./time/instant.ts";
import type { VaultKey } from "./vaults/vault.ts";

/** An entry of the audit trail, before it has its place there. */
export type AuditFacts = Omit<AuditRecord, "sequence">;

/** Says what a change is recorded as, when it is made. */
export interface Recorder {
  facts(): AuditFacts;
}

/** Collects what the trail says of one request while it is served. */
export interface RequestAudit extends Recorder {
  /** @param path fields of the path, which name what the request is about. */
  onRoute(route: { name: string; isChange: boolean; path: Readonly<Record<string, string>> }): void;
  onCaller(caller: { accountId: string; principal: AuditPrincipal; accessKeyId: string }): void;
  onVault(key: VaultKey): void;
  /** Why it may, or may not. */
  onDecision(reason: string, isAllowed: boolean): void;
  /** Resolves when a change that the store has not recorded is in the trail. @param status of the response */
  done(status: number): Promise<void>;
  /** @param claimedKeyId as the request says, which need not be true. */
  failed(error: unknown, claimedKeyId: () => string | null): void;
}

export interface AuditTrail {
  begin(request: { requestId: string; address: string }): RequestAudit;
}

export type AuditPrincipal = { readonly kind: "root" } | { readonly kind: "user"; readonly userName: string };

/** Facts of a change that the service makes by itself. */
export function serviceFacts(
  facts: Pick<AuditFacts, "time" | "operation"> &
    Partial<Pick<AuditFacts, "accountId" | "vault" | "subject" | "reason">>,
): AuditFacts {
  return {
    accountId: null,
    vault: null,
    subject: null,
    reason: null,
    ...facts,
    principal: "service",
    accessKeyId: null,
    address: null,
    outcome: "done",
    requestId: null,
  };
}

export const auditedVault = ({ accountId, vaultName }: Pick<VaultKey, "accountId" | "vaultName">): string =>
  `${accountId}/${vaultName}`;

export interface AuditQueries {
  /** Entries after `afterSequence` that match, oldest first. Looks at no more than `visitsMax`. */
  listAuditEntries(page: AuditPage): Promise<AuditPageRows>;
  auditState(input: Record<never, never>): Promise<AuditState>;
}

export interface AuditChanges {
  /** Appends entries of what changed nothing: attempts that failed, and changes outside of the store. */
  addAuditEntries(entries: readonly AuditFacts[]): Promise<void>;
  /**
   * Drops up to `limit` of the first entries, while they are from before `recordedBefore`, and appends one that says so. Returns
   * how many it dropped.
   */
  pruneAuditEntries(at: { recordedBefore: Instant; now: Instant; limit: number }): Promise<number>;
  /** Notes that the log has all entries up to this one. */
  noteAuditLogged(at: { sequence: number }): Promise<void>;
  /** Keeps the key that signs anchors, unless there is one. */
  addAuditKey(key: { sealed: Uint8Array }): Promise<void>;
}

export interface AuditFilter {
  readonly since: Instant | null;
  readonly until: Instant | null;
  readonly accountId: string | null;
  readonly principal: string | null;
  readonly operation: string | null;
  /** `NAME` or `ACCOUNT/NAME`. */
  readonly vault: string | null;
  readonly outcome: AuditOutcome | null;
}

export const everyAuditEntry: AuditFilter = {
  since: null,
  until: null,
  accountId: null,
  principal: null,
  operation: null,
  vault: null,
  outcome: null,
};

export interface AuditPage extends AuditFilter {
  readonly afterSequence: number;
  readonly limit: number;
  readonly visitsMax: number;
}

export interface AuditPageRows {
  readonly rows: readonly AuditRow[];
  /** The last entry that was looked at. */
  readonly through: number;
  readonly isLast: boolean;
}

export interface AuditState {
  /** The last entry that was pruned; `chainOrigin` when none was. */
  readonly pruned: ChainPlace;
  /** The last entry; equal to `pruned` when there is none. */
  readonly head: ChainPlace;
  /** When the first entry was recorded; null when there is none. */
  readonly firstTime: Instant | null;
  readonly loggedSequence: number;
  readonly sealedKey: Uint8Array | null;
}
