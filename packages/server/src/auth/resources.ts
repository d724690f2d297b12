import { type Operation, type OperationName, operations, partitionOf, vaultArn } from "@moraine/protocol";
import type { VaultKey } from "../domain/vaults/vault.ts";
import type { AccessRequest } from "./access-request.ts";

/** The action and the resource by which policies name an operation: docs/wire.md#actions-and-resources */
export function resourceOf(
  name: OperationName,
  key: VaultKey,
): Pick<AccessRequest, "action" | "resource" | "ownerId" | "vaultPolicies"> & { readonly shownAs: string } {
  const vault = vaultArn(key.region, key.accountId, key.vaultName);
  const { policies, resource: kind } = operations[name];
  const resource = resources[kind](key, vault);
  return {
    action: `glacier:${name}`,
    resource,
    // AWS names the place where vaults would be, though only `*` matches it.
    shownAs: name === "ListVaults" ? vault : resource,
    ownerId: key.accountId,
    vaultPolicies: policies === "all",
  };
}

const resources = {
  vault: (_key, vault) => vault,
  "retrieval-policy": ({ region, accountId }) =>
    `arn:${partitionOf(region)}:glacier:${region}:${accountId}:policies/retrieval-limit-policy`,
  any: () => "*",
} satisfies Record<Operation["resource"], (key: VaultKey, vault: string) => string>;
