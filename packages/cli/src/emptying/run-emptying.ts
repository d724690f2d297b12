import type { GlacierClient } from "@moraine/client";
import type { Catalog } from "../catalog/catalog.ts";
import { recordedInventory } from "../catalog/inventory/recorded-inventory.ts";
import { bindToVault } from "../catalog/opening/bind-to-vault.ts";
import type { CatalogOptions } from "../catalog/opening/catalog-path.ts";
import { openCatalog } from "../catalog/opening/open-catalog.ts";
import { isAws } from "../context/service-facts.ts";
import type { CommandContext } from "../context/tools.ts";
import { isNamed, UsageError } from "../exit-codes.ts";
import { earlyDeletionUsd } from "../pricing/estimate.ts";
import type { PriceTable } from "../pricing/price-table.ts";
import { pricesOf } from "../pricing/read-prices.ts";
import type { YesOption } from "../terminal/confirm.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { isConfirmed } from "./confirm-emptying.ts";
import { readsBytes } from "./copy-check.ts";
import { DeletionReport } from "./deletion-report.ts";
import {
  type EmptyingResult,
  emptyVault,
  isFinished,
  type VerifiedSelection,
  verifiedAnywhere,
} from "./empty-vault.ts";
import { assertComplete, deletedText, endLines } from "./emptying-result.ts";
import { finishVault } from "./finish-vault.ts";
import { isDeletable, type LockRules } from "./lock-rules.ts";
import { openManifest } from "./manifest-source.ts";
import { surveyOf } from "./survey.ts";
import type { EmptyingFacts } from "./survey-text.ts";
import { type DescribedVault, describedVault } from "./vault-facts.ts";
import { rulesOfVault } from "./vault-lock.ts";
import { VerifiedArchives } from "./verified-archives.ts";

export interface EmptyOptions extends CatalogOptions, YesOption {
  readonly onlyVerified?: string;
  readonly target?: string;
  readonly trustManifest?: true;
  readonly deleteVault?: true;
  /** True without a duration: no limit. */
  readonly wait?: number | true;
  readonly concurrency?: number;
  readonly maxPerSecond?: number;
  readonly retryFor?: number;
  readonly prices: PriceTable;
}

interface Emptying {
  readonly tools: CommandContext;
  readonly vaultName: string;
  readonly options: EmptyOptions;
  readonly client: GlacierClient;
  readonly catalog: Catalog;
  /** Archives that the catalogue gets later were not shown, and stay. */
  readonly lastNumber: number;
}

const concurrencyDefault = 16;
const retryMilliseconds = 30 * 60_000;

/** Empties a vault: shows what would be lost, asks, deletes, and deletes the vault if that was asked for. */
export async function runEmptying(tools: CommandContext, vaultName: string, options: EmptyOptions): Promise<void> {
  const client = await tools.client();
  using catalog = openCatalog(tools, vaultName, options);
  const emptying = { tools, vaultName, options, client, catalog, lastNumber: catalog.archives.lastNumber() };
  const vault = await existingVault(emptying);
  if (vault === null) {
    tools.printMessage({ vault: vaultName, removed: true }, `Vault ${vaultName} does not exist any more.`);
    return;
  }
  await bindToVault(client, catalog, tools.signal);
  assertImported(emptying);
  await using opened = new AsyncDisposableStack();
  const rules = await rulesOfVault(client, { vaultName, vaultArn: vault.arn }, tools.signal);
  const selection = await openSelection(emptying, rules, opened);
  const facts = await factsOf(emptying, { vault, rules, selection });
  if (!(await isConfirmed(tools, facts, { client, yes: options.yes ?? false }))) {
    return;
  }
  await deleteAll(emptying, facts, { vault, rules, selection });
}

/** Returns null if the vault does not exist any more, and the catalogue shows that an earlier run has emptied it. */
async function existingVault({ client, vaultName, catalog, tools, options }: Emptying): Promise<DescribedVault | null> {
  try {
    return await describedVault({ client, vaultName, signal: tools.signal });
  } catch (error) {
    const isGone = isNamed(error, "ResourceNotFoundException") || isNamed(error, "NoLongerSupportedException");
    const hasBegun = catalog.facts.get("emptied-inventory") !== null;
    if (isGone && hasBegun && (await isFinished(catalog, options.concurrency ?? concurrencyDefault))) {
      return null;
    }
    throw error;
  }
}

function assertImported({ catalog, vaultName }: Emptying): void {
  if (recordedInventory(catalog) === null) {
    throw new UsageError(
      `There is no catalogue of vault ${vaultName}: import an inventory first, with moraine catalog import ${shellWord(vaultName)}`,
    );
  }
}

interface Circumstances {
  readonly vault: DescribedVault;
  readonly rules: LockRules;
  readonly selection: VerifiedSelection | null;
}

async function openSelection(
  { tools, catalog, options, lastNumber }: Emptying,
  rules: LockRules,
  opened: AsyncDisposableStack,
): Promise<VerifiedSelection | null> {
  if (options.onlyVerified === undefined) {
    return null;
  }
  const source = opened.use(await openManifest(tools, options.onlyVerified, options.target));
  const isAllowed = ({ number, createdAt }: { readonly number: number; readonly createdAt: Date }) =>
    number <= lastNumber && isDeletable(rules, createdAt, tools.now());
  const archives = opened.use(new VerifiedArchives(() => source.read(), { archives: catalog.archives, isAllowed }));
  await archives.index();
  return { archives, source, checksCopies: !options.trustManifest };
}

async function factsOf(
  { tools, vaultName, catalog, options, client, lastNumber }: Emptying,
  { vault, rules, selection }: Circumstances,
): Promise<EmptyingFacts> {
  const isVerified = selection === null ? verifiedAnywhere(catalog) : selection.archives.has.bind(selection.archives);
  const onlyVerified = selection !== null;
  const { signal } = tools;
  const survey = await surveyOf(catalog, {
    ...{ rules, now: tools.now(), lastNumber, isVerified, onlyVerified, signal },
  });
  const isPaid = await isAws(client);
  return {
    vault: vaultName,
    survey,
    rules,
    asOf: recordedInventory(catalog)?.listedAt ?? null,
    counted: { archives: vault.archiveCount, at: vault.inventoryDate },
    manifest: options.onlyVerified ?? null,
    check: options.trustManifest
      ? "none"
      : selection !== null && readsBytes(selection.source.target)
        ? "bytes"
        : "list",
    earlyDeletionUsd: isPaid ? earlyDeletionUsd(pricesOf(options.prices, vault.region), survey.missingByteDays) : null,
    deletesVault: options.deleteVault ?? false,
    isLastVault: vault.isLast,
  };
}

async function deleteAll(
  { tools, vaultName, catalog, client, options, lastNumber }: Emptying,
  { survey }: EmptyingFacts,
  { vault, rules, selection }: Circumstances,
): Promise<void> {
  const { json = false, quiet = false, retryFor } = tools.options();
  const { stdout, stderr, signal } = tools;
  const total = survey.selected.archives;
  const report = new DeletionReport({ vault: vaultName, total, stdout, stderr, isJson: json, isQuiet: quiet });
  if (total > 0) {
    // Newer inventories than this one were made after the first deletion.
    catalog.facts.set("emptied-inventory", vault.inventoryDate ?? "");
  }
  const settings = {
    client,
    vaultName,
    catalog,
    rules,
    lastNumber,
    report,
    signal,
    now: () => tools.now(),
    concurrency: options.concurrency ?? concurrencyDefault,
    perSecondMax: options.maxPerSecond ?? null,
    retryForMilliseconds: retryFor === undefined ? retryMilliseconds : retryFor * 1000,
  };
  const result = await emptyVault(settings, selection);
  const deletesVault = options.deleteVault === true && !result.isClosed;
  const left = deletesVault ? await catalog.archives.count() : 0;
  const isDone = deletesVault && left === 0;
  if (total > 0 || !isDone) {
    printDeleted(tools, vaultName, result);
  }
  // The vault may be deletable only in a day: then this throws.
  const removal = isDone ? await finishVault(tools, settings, options.wait ?? 0) : null;
  printOutcome(tools, { vaultName, result, removal });
  assertComplete({ ...result, left }, survey);
}

function printDeleted(tools: CommandContext, vaultName: string, result: EmptyingResult): void {
  if (tools.options().json) {
    tools.stdout.write(`${JSON.stringify({ event: "emptied", ...result })}\n`);
    return;
  }
  tools.printMessage(result, deletedText(vaultName, result));
}

function printOutcome(
  tools: CommandContext,
  outcome: {
    readonly vaultName: string;
    readonly result: EmptyingResult;
    readonly removal: "deleted" | "closed" | null;
  },
): void {
  const { vaultName, result, removal } = outcome;
  if (tools.options().json) {
    tools.stdout.write(`${JSON.stringify({ event: "done", ...result, vault: removal ?? "kept" })}\n`);
    return;
  }
  for (const line of endLines(vaultName, result.isClosed ? "closed" : removal)) {
    tools.printMessage({}, line);
  }
}
