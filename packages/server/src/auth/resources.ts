import { type OperationName, partitionOf, vaultArn } from "@moraine/protocol";
import { identityOnlyOperations } from "../domain/policy/actions.ts";
import type { VaultKey } from "../domain/vaults/vault.ts";
import type { AccessRequest } from "./access-request.ts";

const identityOnly: ReadonlySet<string> = new Set(identityOnlyOperations);

/** The action and the resource by which policies name an operation: docs/wire.md#actions-and-resources */
export function resourceOf(
  name: OperationName,
  key: VaultKey,
): Pick<AccessRequest, "action" | "resource" | "ownerId" | "vaultPolicies"> & { readonly shownAs: string } {
  const vault = vaultArn(key.region, key.accountId, key.vaultName);
  const resource = accountResources[name]?.(key) ?? vault;
  return {
    action: `glacier:${name}`,
    resource,
    // AWS names the place where vaults would be, though only `*` matches it.
    shownAs: name === "ListVaults" ? vault : resource,
    ownerId: key.accountId,
    vaultPolicies: !identityOnly.has(name),
  };
}

const everything = () => "*";
const retrievalPolicy = ({ region, accountId }: VaultKey) =>
  `arn:${partitionOf(region)}:glacier:${region}:${accountId}:policies/retrieval-limit-policy`;

/** All other operations are on a vault, existing or not. */
const accountResources: Partial<Record<OperationName, (key: VaultKey) => string>> = {
  ListVaults: everything,
  ListProvisionedCapacity: everything,
  PurchaseProvisionedCapacity: everything,
  GetDataRetrievalPolicy: retrievalPolicy,
  SetDataRetrievalPolicy: retrievalPolicy,
};
