import { errors } from "@moraine/protocol";
import { permittedBy } from "../domain/vaults/permission.ts";
import type { VaultHandler } from "./context.ts";
import { requirePolicy } from "./requests/require-policy.ts";

/** Replaces the previous policy; one that is refused changes nothing (docs/wire.md#access-policy). */
export const setVaultAccessPolicy: VaultHandler<"SetVaultAccessPolicy"> = async (
  { metadata, policyMeter },
  { policy: given },
  { key, permitted },
) => {
  const policy = await requirePolicy({ policyMeter }, given?.Policy, key, errors.invalidAccessPolicy);
  await permitted((vault) => metadata.setAccessPolicy({ ...permittedBy(vault), policy }));
  return {};
};

export const getVaultAccessPolicy: VaultHandler<"GetVaultAccessPolicy"> = async (_services, _input, { vault }) => {
  if (vault.accessPolicy === null) {
    throw errors.accessPolicyNotFound(vault.vaultName);
  }
  return { policy: { Policy: vault.accessPolicy } };
};

/** Deleting what is not set succeeds. */
export const deleteVaultAccessPolicy: VaultHandler<"DeleteVaultAccessPolicy"> = async (
  { metadata },
  _input,
  { permitted },
) => {
  await permitted((vault) => metadata.setAccessPolicy({ ...permittedBy(vault), policy: null }));
  return {};
};
