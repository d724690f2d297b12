import {
  type DescribeVaultOutput,
  errors,
  formatMilliseconds,
  isVaultName,
  limits,
  vaultNameFromArn,
} from "@moraine/protocol";
import { newVaultId } from "../domain/new-id.ts";
import { pageLimit, pageOf, readMarker } from "../domain/page.ts";
import { arnOf, type Profile, type Vault, vaultCounters } from "../domain/vaults/vault.ts";
import type { AccountHandler, VaultHandler } from "./context.ts";
import { vaultPath } from "./locations.ts";

/** Creating a vault that exists changes nothing and succeeds: docs/wire.md#vaults */
export const createVault: AccountHandler<"CreateVault"> = async ({ metadata, clock }, _input, { key }) => {
  if (!isVaultName(key.vaultName)) {
    throw errors.invalidVaultName(key.vaultName);
  }
  await metadata.createVault({ id: newVaultId(), key, now: clock.now() });
  return { location: vaultPath(key) };
};

export const describeVault: VaultHandler<"DescribeVault"> = async ({ profile }, _input, { vault }) =>
  describe(vault, profile);

/** Deleting a vault that does not exist succeeds: docs/wire.md#vaults */
export const deleteVault: AccountHandler<"DeleteVault"> = async (
  { metadata, trustedClock, profile },
  _input,
  { key, permitted },
) => {
  const now = trustedClock.expiryNow();
  await permitted((vault) =>
    metadata.removeVault({ key, profile, expectedVersion: vault?.accessVersion ?? null, now }),
  );
  return {};
};

/** Lists in bytewise order of names; the marker is the ARN of the last vault on the page: docs/wire.md#vaults */
export const listVaults: AccountHandler<"ListVaults"> = async ({ metadata, profile }, input, { key }) => {
  const limit = pageLimit(input.limit, limits.vaultsPageMax);
  const afterName = readMarker(input.marker, vaultNameFromArn);
  const { accountId, region } = key;
  const { rows, marker } = await pageOf(
    limit,
    (most) => metadata.listVaults({ accountId, region, afterName, limit: most }),
    arnOf,
  );
  return { Marker: marker, VaultList: rows.map((vault) => describe(vault, profile)) };
};

function describe(vault: Vault, profile: Profile): DescribeVaultOutput {
  const { archiveCount, sizeBytes } = vaultCounters(vault, profile);
  return {
    CreationDate: formatMilliseconds(new Date(vault.createdAt)),
    LastInventoryDate: vault.inventory && formatMilliseconds(new Date(vault.inventory.takenAt)),
    NumberOfArchives: archiveCount,
    SizeInBytes: sizeBytes,
    VaultARN: arnOf(vault),
    VaultName: vault.vaultName,
  };
}
