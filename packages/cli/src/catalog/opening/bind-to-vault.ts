import type { GlacierClient, OperationOutput } from "@moraine/client";
import type { Catalog } from "../catalog.ts";
import { CatalogError } from "../catalog-error.ts";
import { knownArn } from "../inventory/recorded-inventory.ts";
import { existingVault } from "./existing-vault.ts";

type DescribedVault = OperationOutput<"DescribeVault">;

/** The vault that a catalogue is of: an account may have another one of its name, and may have had one. */
interface BoundVault {
  readonly arn: string;
  readonly createdAt: string;
}

/**
 * Asks the service for the vault, and makes sure that the catalogue is of this one and no other of its name. Some may use a vault that they may
 * not describe: then it resolves to null. Throws CatalogError.
 */
export async function bindToVault(
  client: GlacierClient,
  catalog: Catalog,
  signal: AbortSignal,
): Promise<DescribedVault | null> {
  const described = await existingVault(client, catalog.vault.vaultName, signal);
  if (described !== null) {
    bind(catalog, described);
  }
  return described;
}

/** The same for a vault that was described. */
export function bind(catalog: Catalog, described: DescribedVault): void {
  const { VaultARN: arn, CreationDate: createdAt } = described;
  assertBound(catalog, described);
  if (arn && createdAt && boundVault(catalog) === null) {
    catalog.facts.set("described-vault", JSON.stringify({ arn, createdAt } satisfies BoundVault));
  }
}

/** The same for work that only reads the catalogue. */
export function assertBound(catalog: Catalog, { VaultARN: arn, CreationDate: createdAt }: DescribedVault): void {
  if (!arn || !createdAt) {
    return;
  }
  const { path } = catalog;
  const bound = boundVault(catalog);
  const known = knownArn(catalog) ?? arn;
  if (known !== arn) {
    throw new CatalogError(
      `${path} is the catalogue of ${known}, and these credentials see ${arn}: name another file with --catalog`,
    );
  }
  if (bound !== null && Date.parse(bound.createdAt) !== Date.parse(createdAt)) {
    throw new CatalogError(
      `${path} is the catalogue of a vault that was created ${bound.createdAt}, and the one of its name was created ${createdAt}: make another catalogue with moraine catalog import VAULT --rebuild`,
    );
  }
}

function boundVault({ facts }: Catalog): BoundVault | null {
  const text = facts.get("described-vault");
  return text === null ? null : (JSON.parse(text) as BoundVault);
}
