import { type AuditOutcome, GlacierError } from "@moraine/protocol";
import { type AuditFacts, type AuditPrincipal, auditedVault, type RequestAudit } from "../domain/audit.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { VaultKey } from "../domain/vaults/vault.ts";
import type { Attempts } from "./attempts.ts";

export interface TrailParts {
  readonly metadata: Pick<MetadataStore, "addAuditEntries">;
  readonly attempts: Attempts;
  now(): Instant;
}

/** Bounds texts from outside, which are as long as their sender likes. */
const textLengthMax = 256;

/** Errors of callers who have not proved who they are. */
const refusals: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "ExpiredTokenException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "UnrecognizedClientException",
]);

/** The trail's view of one request. */
export class RequestTrail implements RequestAudit {
  readonly #parts: TrailParts;
  readonly #requestId: string;
  readonly #address: string;
  #operation = "none";
  #mutates = false;
  #subject: string | null = null;
  #vault: string | null = null;
  #caller: { accountId: string; principal: string; accessKeyId: string } | null = null;
  #reason: string | null = null;
  #isAllowed = false;
  #isRecorded = false;

  constructor(parts: TrailParts, { requestId, address }: { requestId: string; address: string }) {
    this.#parts = parts;
    this.#requestId = requestId;
    this.#address = address;
  }

  onRoute({ name, isChange, path }: Parameters<RequestAudit["onRoute"]>[0]): void {
    this.#operation = name;
    this.#mutates = isChange;
    const { accountId: _account, vaultName: _vault, ...subject } = path;
    this.#subject = Object.keys(subject).length === 0 ? null : clipped(Object.values(subject).join("/"));
  }

  onCaller({ accountId, principal, accessKeyId }: Parameters<RequestAudit["onCaller"]>[0]): void {
    this.#caller = { accountId, principal: nameOf(principal), accessKeyId };
  }

  onVault(key: VaultKey): void {
    this.#vault = key.vaultName === "" ? null : clipped(auditedVault(key));
  }

  onDecision(reason: string, isAllowed: boolean): void {
    this.#reason = reason;
    this.#isAllowed = isAllowed;
  }

  facts(): AuditFacts {
    this.#isRecorded = true;
    return this.#entry("done", this.#reason);
  }

  async done(status: number): Promise<void> {
    if (!this.#mutates || this.#isRecorded) {
      return;
    }
    if (status >= 400 && this.#caller !== null) {
      this.#parts.attempts.add(this.#entry("failed", `status ${status}`), this.#caller.accountId);
    } else {
      await this.#parts.metadata.addAuditEntries([this.facts()]);
    }
  }

  failed(error: unknown, claimedKeyId: () => string | null): void {
    const code = error instanceof GlacierError ? error.code : nameOfError(error);
    if (this.#caller === null) {
      if (refusals.has(code)) {
        const entry = this.#entry("unauthenticated", code);
        this.#parts.attempts.add({ ...entry, accessKeyId: clippedOrNull(claimedKeyId()) }, null);
      }
      return;
    }
    const { accountId } = this.#caller;
    if (code === "AccessDeniedException") {
      const reason = this.#reason !== null && !this.#isAllowed ? this.#reason : clipped((error as Error).message);
      this.#parts.attempts.add(this.#entry("denied", reason), accountId);
    } else if (this.#mutates) {
      this.#parts.attempts.add(this.#entry("failed", code), accountId);
    }
  }

  #entry(outcome: AuditOutcome, reason: string | null): AuditFacts {
    return {
      time: this.#parts.now(),
      accountId: this.#caller?.accountId ?? null,
      principal: this.#caller?.principal ?? null,
      accessKeyId: this.#caller?.accessKeyId ?? null,
      address: this.#address,
      operation: this.#operation,
      vault: this.#vault,
      subject: this.#subject,
      outcome,
      reason,
      requestId: this.#requestId,
    };
  }
}

const nameOf = (principal: AuditPrincipal): string =>
  principal.kind === "root" ? "root" : `user/${principal.userName}`;
const nameOfError = (error: unknown): string => (error instanceof Error ? error.name : "Error");
const clipped = (text: string): string => text.slice(0, textLengthMax);
const clippedOrNull = (text: string | null): string | null => (text === null ? null : clipped(text));
