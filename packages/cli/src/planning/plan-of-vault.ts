import { existsSync } from "node:fs";
import type { OperationOutput } from "@moraine/client";
import { recordedInventory } from "../catalog/inventory/recorded-inventory.ts";
import { assertBound } from "../catalog/opening/bind-to-vault.ts";
import { type CatalogOptions, catalogPath } from "../catalog/opening/catalog-path.ts";
import { openCatalog } from "../catalog/opening/open-catalog.ts";
import { isAws } from "../context/service-facts.ts";
import type { CommandContext } from "../context/tools.ts";
import { overheadBytes, type PriceTable } from "../pricing/price-table.ts";
import { collectStatistics } from "./collect-statistics.ts";
import { makePlan, type Plan } from "./plan.ts";
import { targetSpace } from "./target-space.ts";
import type { VaultStatistics } from "./vault-statistics.ts";

export interface PlanQuestion extends CatalogOptions {
  readonly bandwidth?: number;
  readonly maxRetrievalPerHour?: number;
  readonly target?: string;
  readonly prices: PriceTable;
}

/** Makes the plan of a vault from its catalogue, or from the service's own counts. Requests nothing that is paid for. */
export async function planOf(tools: CommandContext, vaultName: string, question: PlanQuestion): Promise<Plan> {
  const client = await tools.client();
  const described = await client.describeVault({ vaultName }, { signal: tools.signal });
  const target = question.target === undefined ? null : await targetSpace(question.target, tools.pathOf);
  const options = { ...question, blockBytes: target?.blockBytes ?? 1 };
  const contents = (await fromCatalog(tools, { vaultName, described }, options)) ?? countsOf(described);
  return makePlan(contents, {
    vaultName,
    isAws: await isAws(client),
    region: described.VaultARN?.split(":")[3] ?? "",
    prices: question.prices,
    rates: { bandwidth: question.bandwidth ?? null, retrievalPerHour: question.maxRetrievalPerHour ?? null },
    target,
  });
}

/** Takes the service's own counts. Its size has the overhead of each archive. */
export function countsOf({ LastInventoryDate, NumberOfArchives, SizeInBytes }: Described): VaultStatistics {
  const archives = NumberOfArchives ?? 0;
  return {
    asOf: LastInventoryDate ? new Date(LastInventoryDate) : null,
    archives,
    bytes: Math.max(0, (SizeInBytes ?? 0) - archives * overheadBytes),
    details: null,
  };
}

type Described = Pick<OperationOutput<"DescribeVault">, "LastInventoryDate" | "NumberOfArchives" | "SizeInBytes">;

async function fromCatalog(
  tools: CommandContext,
  { vaultName, described }: { readonly vaultName: string; readonly described: OperationOutput<"DescribeVault"> },
  options: PlanQuestion & { readonly blockBytes: number },
): Promise<VaultStatistics | null> {
  if (!existsSync(catalogPath(tools, vaultName, options))) {
    return null;
  }
  using catalog = openCatalog(tools, vaultName, options);
  assertBound(catalog, described);
  const inventory = recordedInventory(catalog);
  return inventory === null
    ? null
    : await collectStatistics(catalog, {
        asOf: inventory.listedAt,
        now: tools.now(),
        retrievalPerHour: options.maxRetrievalPerHour ?? null,
        blockBytes: options.blockBytes,
        signal: tools.signal,
      });
}
