import type { GlacierClient, OperationOutput } from "@moraine/client";
import { renameArchives } from "../../catalog/archives/rename-archives.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { recordedInventory } from "../../catalog/inventory/recorded-inventory.ts";
import { bindToVault } from "../../catalog/opening/bind-to-vault.ts";
import { lockCatalog } from "../../catalog/opening/catalog-lock.ts";
import { createCatalog, finishKilledRebuild } from "../../catalog/opening/open-catalog.ts";
import { isAws } from "../../context/service-facts.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { finishManifest } from "../../manifest/finish-manifest.ts";
import { readOverrides } from "../../names/overrides.ts";
import { inventoryUsd } from "../../pricing/estimate.ts";
import type { PriceTable, RegionPrices } from "../../pricing/price-table.ts";
import { knownPricesOf } from "../../pricing/read-prices.ts";
import { listing } from "../../terminal/table.ts";
import { Money } from "../costs/money.ts";
import { estimateOf, estimateText, type RescueEstimate } from "../costs/rescue-estimate.ts";
import { listLagOf } from "../list-lag.ts";
import { failuresOf, reportFacts } from "../reports/final-report.ts";
import { rescueReport } from "../reports/rescue-report.ts";
import { snapshotFacts } from "../reports/snapshot-text.ts";
import { watchRescue } from "../reports/watch-rescue.ts";
import { runRescue } from "../rescue.ts";
import type { RescueSnapshot } from "../rescue-event.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { TimedBandwidth } from "../schedule/timed-bandwidth.ts";
import { ArchiveSelection } from "../selection.ts";
import { prepareCatalog } from "./prepare-catalog.ts";
import { recheckCopies } from "./recheck.ts";
import { endError } from "./rescue-end.ts";
import type { RescueOptions } from "./rescue-options.ts";
import { targetOf, targetToEstimate } from "./target-of.ts";
import { unlistedArchives } from "./unlisted-archives.ts";

/** Small archives that are fetched at the same time. */
const concurrencyDefault = 16;

/** Rescues a vault: prepares the catalogue, says what it costs, asks, runs, and writes the final documents. */
export async function rescueVault(
  tools: CommandContext,
  vaultName: string,
  targetText: string,
  options: RescueOptions,
): Promise<void> {
  tools.setResumeHint("Run the same command again to resume: it uses the same jobs, and keeps verified copies.");
  const client = await tools.client();
  const { prices, ...paying } = await pricesFor(tools, client, vaultName, options.priceTable);
  if (options.limits.costMax !== null && prices === null) {
    throw new UsageError(
      "--max-cost needs prices, and those of this service or region are not known: give them with --prices FILE",
    );
  }
  await using stack = new AsyncDisposableStack();
  await finishKilledRebuild(tools, vaultName, options);
  const catalog = stack.use(createCatalog(tools, vaultName, options));
  await bindToVault(client, catalog, tools.signal);
  const services = { client, vaultName, catalog, prices, listLagMilliseconds: await listLagOf(client) };
  if (tools.options().dryRun) {
    catalog.assertImported();
    await printEstimate(tools, targetText, services, options);
    return;
  }
  stack.use(await lockCatalog(catalog.path, tools));
  catalog.assertInPlace();
  if (options.limits.costMax !== null || options.limits.retrievalBytesPerHour !== null) {
    catalog.syncEachChange();
  }
  await fillCatalog(tools, { ...services, ...paying }, options);
  // Only now, since an inventory may have been waited for during hours.
  const described = await bindToVault(client, catalog, tools.signal);
  const hasCopies = isTargetWithCopies(catalog, tools.pathOf(targetText));
  const target = stack.use(await targetOf(tools, targetText, { create: !hasCopies }));
  const parts = partsOf(tools, { ...services, target }, options);
  if (options.recheck) {
    await recheckCopies(tools, parts, options.concurrency);
  }
  await confirmEstimate(tools, parts, options, paying.isPaid);
  stack.use(await target.lock(tools.signal));
  await run(tools, parts, described, options);
}

/** A folder with copies that is missing now may be on a disk that is not mounted. */
const isTargetWithCopies = ({ copies }: Catalog, url: string): boolean =>
  copies.targetUrls().includes(url) && copies.of(url).totals().verified.copies > 0;

type Services = Pick<RescueParts, "client" | "vaultName" | "catalog" | "listLagMilliseconds"> & {
  readonly prices: RegionPrices | null;
};

async function run(
  tools: CommandContext,
  given: RescueParts,
  described: OperationOutput<"DescribeVault"> | null,
  options: RescueOptions,
): Promise<void> {
  const report = rescueReport(tools);
  const parts: RescueParts = { ...given, onEvent: (event) => report.onEvent(event) };
  await using watch = await watchRescue(tools, parts, report, options);
  const { bwlimit, bandwidthBytesPerSecond, concurrency = concurrencyDefault, once } = options;
  const bandwidth = bwlimit === null ? undefined : new TimedBandwidth(bwlimit, () => tools.now());
  const onState = (state: RescueState) => watch.begin(state);
  const settings = { concurrency, bandwidth, bandwidthBytesPerSecond, once, onState };
  const end = await runRescue(parts, settings, tools.signal);
  const snapshot = watch.end(end);
  await finish(tools, parts, snapshot, options);
  report.close();
  const leftOut = recordedInventory(parts.catalog)?.leftOut ?? 0;
  const unlisted = unlistedArchives(parts.catalog, described, options.selection, snapshot.selected.archives);
  const error = endError(end, snapshot, { target: parts.target.url, leftOut, unlisted });
  printEnd(tools, snapshot, end);
  if (error !== null) {
    throw error;
  }
}

function printEnd(tools: CommandContext, snapshot: RescueSnapshot, end: string): void {
  if (tools.options().json) {
    tools.stdout.write(`${JSON.stringify({ event: "end", end, ...snapshot })}\n`);
  } else {
    tools.printResult(
      {},
      () => listing(snapshotFacts(snapshot)),
      () => "",
    );
  }
}

async function finish(
  tools: CommandContext,
  parts: RescueParts,
  snapshot: RescueSnapshot,
  { signingKey }: RescueOptions,
): Promise<void> {
  const facts = reportFacts(parts, snapshot, tools.now());
  await finishManifest(parts.target, { facts, failures: failuresOf(parts, tools.now()), key: signingKey });
}

interface VaultPrices {
  /** Those of the vault's region; null if the table lacks it, or the service has other prices. */
  readonly prices: RegionPrices | null;
  /** False for a service that is not AWS's, unless a table was given. */
  readonly isPaid: boolean;
  /** Archives as the service counts them; 0 where it does not charge. */
  readonly archiveCount: number;
}

async function pricesFor(
  { signal }: CommandContext,
  client: GlacierClient,
  vaultName: string,
  { table, isGiven }: { readonly table: PriceTable; readonly isGiven: boolean },
): Promise<VaultPrices> {
  if (!isGiven && !(await isAws(client))) {
    return { prices: null, isPaid: false, archiveCount: 0 };
  }
  const { VaultARN: arn, NumberOfArchives } = await client.describeVault({ vaultName }, { signal });
  const prices = knownPricesOf(table, arn?.split(":")[3] ?? "");
  return { prices, isPaid: true, archiveCount: NumberOfArchives ?? 0 };
}

async function fillCatalog(
  tools: CommandContext,
  given: Pick<RescueParts, "client" | "vaultName" | "catalog"> & VaultPrices,
  { inventory, names, once, yes }: RescueOptions,
): Promise<void> {
  const notice = (sentence: string) => {
    if (!tools.options().quiet) {
      tools.stderr.write(`moraine: ${sentence}\n`);
    }
  };
  const { client, vaultName, catalog, prices, isPaid, archiveCount } = given;
  const usd = prices === null ? null : inventoryUsd(prices, archiveCount);
  const wishes = { inventory, once, yes, isPaid, inventoryUsd: usd };
  await prepareCatalog(tools, { client, vaultName, catalog }, wishes, notice);
  if (names !== null) {
    const { unknown } = await renameArchives(catalog, readOverrides(tools.pathOf(names)), tools);
    if (unknown > 0) {
      notice(`${unknown} rows of ${names} name archives that the inventory does not list`);
    }
  }
}

function partsOf(
  tools: CommandContext,
  given: Services & Pick<RescueParts, "target">,
  options: RescueOptions,
): RescueParts {
  const { prices, ...services } = given;
  const { bwlimit, limits } = options;
  return {
    ...services,
    limits,
    copies: given.catalog.copies.of(given.target.url),
    selection: new ArchiveSelection(given.catalog, options.selection),
    money: new Money(prices, given.catalog.costs),
    now: () => performance.timeOrigin + performance.now(),
    bytesPerSecondMax: (seconds) => bwlimit?.average(tools.now(), seconds) ?? null,
    onEvent: () => undefined,
  };
}

/** Says what the rescue takes, and asks if it costs something. Throws if the user does not agree. */
async function confirmEstimate(
  tools: CommandContext,
  parts: RescueParts,
  { yes }: RescueOptions,
  isPaid: boolean,
): Promise<void> {
  const { target, vaultName } = parts;
  const estimate = await estimated(tools, parts, await target.freeBytes());
  const text = estimateText(vaultName, target.url, estimate);
  const mayCost = estimate.usd === null ? isPaid : estimate.usd > 0;
  if (!yes && mayCost && estimate.left.archives > 0) {
    await tools.confirm(vaultName, () => text);
  } else if (!(tools.options().quiet || tools.options().json)) {
    tools.stderr.write(`${text}\n`);
  }
}

/** Prints what the rescue would take. A folder need not exist for that. */
async function printEstimate(
  tools: CommandContext,
  targetText: string,
  services: Services,
  options: RescueOptions,
): Promise<void> {
  await using target = await targetToEstimate(tools, targetText);
  const { url } = target;
  const { catalog, prices } = services;
  const parts = {
    ...services,
    limits: options.limits,
    copies: catalog.copies.of(url),
    selection: new ArchiveSelection(catalog, options.selection),
    money: new Money(prices, catalog.costs),
  };
  const estimate = await estimated(tools, parts, await target.freeBytes());
  const hasInventory = recordedInventory(catalog) !== null;
  const advice = hasInventory ? "" : "\nThe catalogue has no inventory yet: see moraine catalog import.";
  const text = `${estimateText(services.vaultName, url, estimate)}${advice}\nNothing was requested or written.`;
  tools.printResult({ dryRun: true, hasInventory, ...estimate }, () => text);
}

async function estimated(
  tools: CommandContext,
  {
    catalog,
    copies,
    selection,
    money,
    limits,
  }: Pick<RescueParts, "catalog" | "copies" | "selection" | "money" | "limits">,
  freeBytes: number | null,
): Promise<RescueEstimate> {
  const counts = await selection.count(copies, tools.signal);
  const { requested, ready } = catalog.jobs.countByState();
  return estimateOf(counts, { existingJobs: requested + ready, freeBytes }, limits, money);
}
