import {
  type DescribeVaultOutput,
  errors,
  formatMilliseconds,
  isVaultName,
  limits,
  vaultNameFromArn,
} from "@moraine/protocol";
import { newVaultId } from "../domain/new-id.ts";
import { arnOf, type Profile, type Vault, vaultCounters } from "../domain/vaults/vault.ts";
import type { AccountHandler, VaultHandler } from "./context.ts";
import { vaultPath } from "./locations.ts";
import { pageLimit } from "./page-markers.ts";

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
  const afterName = readMarker(input.marker);
  const { accountId, region } = key;
  const found = await metadata.listVaults({ accountId, region, afterName, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    Marker: found.length > limit && last !== undefined ? arnOf(last) : null,
    VaultList: page.map((vault) => describe(vault, profile)),
  };
};

function readMarker(marker: string | undefined): string | null {
  if (marker === undefined || marker === "") {
    return null;
  }
  const name = vaultNameFromArn(marker);
  if (name === undefined) {
    throw errors.invalidMarker(marker);
  }
  return name;
}

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
