import { errors, formatMilliseconds } from "@moraine/protocol";
import { newLockId } from "../domain/new-id.ts";
import { permittedBy } from "../domain/vaults/permission.ts";
import { lockInForce, lockStateNames } from "../domain/vaults/vault-lock.ts";
import type { VaultHandler } from "./context.ts";
import { requirePolicy } from "./requests/require-policy.ts";

/** Starts a lock's 24 hours in progress; its id is in this response alone (docs/wire.md#vault-lock). */
export const initiateVaultLock: VaultHandler<"InitiateVaultLock"> = async (
  { metadata, clock, policyMeter },
  { policy: given },
  { key, permitted },
) => {
  const policy = await requirePolicy({ policyMeter }, given?.Policy, key, errors.invalidLockPolicy);
  const lockId = newLockId();
  await permitted((vault) => metadata.initiateLock({ ...permittedBy(vault), lockId, policy, now: clock.now() }));
  return { lockId };
};

/** From here on nobody can change or remove the lock. */
export const completeVaultLock: VaultHandler<"CompleteVaultLock"> = async (
  { metadata, clock },
  { lockId },
  { permitted },
) => {
  await permitted((vault) => metadata.completeLock({ ...permittedBy(vault), lockId, now: clock.now() }));
  return {};
};

/** Aborting where there is no lock succeeds. */
export const abortVaultLock: VaultHandler<"AbortVaultLock"> = async ({ metadata }, _input, { permitted }) => {
  await permitted((vault) => metadata.abortLock({ ...permittedBy(vault) }));
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
