import { errors, limits, type VaultLockState } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

/**
 * `none → in_progress → locked`, and back from `in_progress` to none by an abort or after 24 hours. Nothing leaves `locked`
 * but the deletion of its vault (docs/wire.md#vault-lock). None is null.
 */
export type VaultLock = InProgressLock | CompletedLock;

/** On trial: enforced just as it would be for ever, but it can be aborted, and ends by itself. */
export interface InProgressLock extends LockBase {
  readonly state: "in_progress";
  /** From this moment on there is no such lock, whether or not its row has gone already. */
  readonly expiresAt: Instant;
}

export interface CompletedLock extends LockBase {
  readonly state: "locked";
}

interface LockBase {
  readonly lockId: string;
  /** The policy document, as it was given. */
  readonly policy: string;
  /** When the lock was initiated. */
  readonly createdAt: Instant;
}

/** As GetVaultLock and the refusals spell the states. */
export const lockStateNames: Readonly<Record<VaultLock["state"], VaultLockState>> = {
  in_progress: "InProgress",
  locked: "Locked",
};

/** The lock that holds now, by the service's clock; a row may outlive its lock a little. */
export function lockInForce(lock: VaultLock | null, now: Instant): VaultLock | null {
  return lock?.state === "in_progress" && lock.expiresAt <= now ? null : lock;
}

/** A new lock on trial. Throws AccessDeniedException while there is one. */
export function initiateLock(
  lock: VaultLock | null,
  { lockId, policy, vaultName, now }: { lockId: string; policy: string; vaultName: string; now: Instant },
): InProgressLock {
  const current = lockInForce(lock, now);
  if (current !== null) {
    throw refusal(current, vaultName);
  }
  const expiresAt = now + limits.lockWindowSeconds * 1000;
  return { state: "in_progress", lockId, policy, createdAt: now, expiresAt };
}

/**
 * The lock for good; completing it again with the same id changes nothing. Throws ResourceNotFoundException when there is none,
 * and for another id InvalidParameterValueException while in progress, AccessDeniedException once locked.
 */
export function completeLock(
  lock: VaultLock | null,
  { lockId, vaultName, now }: { lockId: string; vaultName: string; now: Instant },
): CompletedLock {
  const current = lockInForce(lock, now);
  if (current === null) {
    throw errors.lockPolicyNotFound(vaultName);
  }
  if (current.lockId !== lockId) {
    throw current.state === "locked" ? refusal(current, vaultName) : errors.invalidLockId(lockId);
  }
  const { policy, createdAt } = current;
  return { state: "locked", lockId, policy, createdAt };
}

/** Throws AccessDeniedException when the lock is complete; aborting none is no error. */
export function assertAbortable(lock: VaultLock | null, vaultName: string): void {
  if (lock?.state === "locked") {
    throw refusal(lock, vaultName);
  }
}

function refusal(lock: VaultLock, vaultName: string): Error {
  return errors.lockStateDenied(lockStateNames[lock.state], vaultName);
}
