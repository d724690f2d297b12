import { errors, formatMilliseconds } from "@moraine/protocol";
import { newLockId } from "../domain/new-id.ts";
import { lockInForce, lockStateNames } from "../domain/vault-lock.ts";
import type { VaultHandler } from "./context.ts";
import { requirePolicy } from "./require-policy.ts";

/** Puts a lock on trial for 24 hours; its id is told only now (contract 10). */
export const initiateVaultLock: VaultHandler<"InitiateVaultLock"> = async (
  { metadata, clock },
  { policy: given },
  { key, vault },
) => {
  const policy = requirePolicy(given?.Policy, key, errors.invalidLockPolicy);
  const lockId = newLockId();
  await metadata.initiateLock({ vaultId: vault.id, vault: key, lockId, policy, now: clock.now() });
  return { lockId };
};

/** From here on nobody can change or remove the lock. */
export const completeVaultLock: VaultHandler<"CompleteVaultLock"> = async (
  { metadata, clock },
  { lockId },
  { key, vault },
) => {
  await metadata.completeLock({ vaultId: vault.id, vault: key, lockId, now: clock.now() });
  return {};
};

/** Aborting where there is no lock succeeds. */
export const abortVaultLock: VaultHandler<"AbortVaultLock"> = async ({ metadata }, _input, { key, vault }) => {
  await metadata.abortLock({ vaultId: vault.id, vault: key });
  return {};
};

export const getVaultLock: VaultHandler<"GetVaultLock"> = async ({ clock }, _input, { vault }) => {
  const lock = lockInForce(vault.lock, clock.now());
  if (lock === null) {
    throw errors.lockPolicyNotFound(vault.vaultName);
  }
  const expiresAt = lock.state === "in_progress" ? lock.expiresAt : null;
  return {
    CreationDate: formatMilliseconds(new Date(lock.createdAt)),
    ExpirationDate: expiresAt === null ? null : formatMilliseconds(new Date(expiresAt)),
    Policy: lock.policy,
    State: lockStateNames[lock.state],
  };
};
