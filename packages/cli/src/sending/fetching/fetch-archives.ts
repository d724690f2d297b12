import type { GlacierClient } from "@moraine/client";
import { literalPrefix } from "../../catalog/glob.ts";
import { recordedInventory } from "../../catalog/inventory/recorded-inventory.ts";
import { bindToVault } from "../../catalog/opening/bind-to-vault.ts";
import { lockCatalog } from "../../catalog/opening/catalog-lock.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import { openCatalog } from "../../catalog/opening/open-catalog.ts";
import type { TargetCopies } from "../../catalog/tables/copy-table.ts";
import { isAws } from "../../context/service-facts.ts";
import type { CommandContext } from "../../context/tools.ts";
import type { PriceTable, RegionPrices } from "../../pricing/price-table.ts";
import { pricesOf } from "../../pricing/read-prices.ts";
import { Money } from "../../rescue/costs/money.ts";
import { listLagOf } from "../../rescue/list-lag.ts";
import { type RescueEnd, runRescue } from "../../rescue/rescue.ts";
import type { RescueEvent } from "../../rescue/rescue-event.ts";
import type { RescueParts } from "../../rescue/rescue-state.ts";
import type { Tier } from "../../rescue/schedule/schedule.ts";
import type { SelectionOptions } from "../../rescue/selection.ts";
import { FolderTarget } from "../../targets/folder/folder-target.ts";
import { type PaceOptions, paceOf } from "../../transfers/transfer-options.ts";
import { type FileCounts, FilesProgress } from "../files-progress.ts";
import { MatchedGlobs } from "../local/matched-globs.ts";
import type { Watched } from "../send-files.ts";
import { assertRoom, FullFolder } from "./fetch-room.ts";
import { FetchTarget } from "./fetch-target.ts";
import { fetchedNames } from "./fetched-files.ts";
import { fetchedPath } from "./fetched-path.ts";
import { NewestSelection } from "./newest-selection.ts";

export interface FetchOptions extends CatalogOptions, PaceOptions {
  readonly tier: Tier;
  readonly filter: SelectionOptions["filter"];
  readonly prices: PriceTable;
  /** Ends while jobs are in progress. */
  readonly once: boolean;
}

export interface FetchPlan {
  readonly archives: number;
  readonly bytes: number;
  /** Globs that no archive matches. */
  readonly unusedGlobs: readonly string[];
  readonly tier: Tier;
  /** The most that it can cost; null for a service that is not AWS's. */
  readonly usd: number | null;
}

const concurrencyDefault = 16;

/** Archives that are fetched: the newest archive of each path that one of the globs matches. */
export class Fetching implements AsyncDisposable {
  readonly plan: FetchPlan;
  readonly #tools: CommandContext;
  readonly #parts: Omit<RescueParts, "target" | "copies" | "onEvent">;
  readonly #options: FetchOptions;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    tools: CommandContext,
    plan: FetchPlan,
    parts: Omit<RescueParts, "target" | "copies" | "onEvent">,
    options: FetchOptions,
    stack: AsyncDisposableStack,
  ) {
    this.#tools = tools;
    this.plan = plan;
    this.#parts = parts;
    this.#options = options;
    this.#stack = stack;
  }

  /** Selects archives of the catalogue, and requests nothing. Throws UsageError without a catalogue. */
  static async open(
    tools: CommandContext,
    vaultName: string,
    globs: readonly string[],
    options: FetchOptions,
  ): Promise<Fetching> {
    await using stack = new AsyncDisposableStack();
    const catalog = stack.use(openCatalog(tools, vaultName, options));
    const client = await tools.client();
    await bindToVault(client, catalog, tools.signal);
    const matched = new MatchedGlobs(globs);
    const matches = (path: string) => matched.matches(path);
    const matching = { filter: options.filter, matches, archiveIds: null };
    const prefix = globs.length === 1 ? literalPrefix(globs[0] ?? "") : "";
    const { signal } = tools;
    const selection = await NewestSelection.of(catalog, matching, { prefix, signal });
    const money = new Money(await pricesFor(client, vaultName, options.prices, signal), catalog.costs);
    const selected = await amountOf(selection, signal);
    const { unused: unusedGlobs } = matched;
    const plan = {
      ...selected,
      unusedGlobs,
      tier: options.tier,
      usd: money.isKnown ? money.usdOf(options.tier, selected) : null,
    };
    const limits = { tier: options.tier, fallbackTier: null, retrievalBytesPerHour: null, costMax: null };
    const { bwlimit = null } = options;
    const parts = {
      ...{ client, vaultName, catalog, selection, money, limits },
      listLagMilliseconds: await listLagOf(client),
      bytesPerSecondMax: () => bwlimit,
      now: () => performance.timeOrigin + performance.now(),
    };
    return new Fetching(tools, plan, parts, options, stack.move());
  }

  /** Entries of the inventory that were invalid, so that the catalogue lacks their archives. */
  get leftOut(): number {
    return recordedInventory(this.#parts.catalog)?.leftOut ?? 0;
  }

  /** Fetches all into a folder. Resolves also when some could not be fetched. */
  async into(folder: string, { signal, onEvent }: Watched): Promise<{ counts: FileCounts; end: RescueEnd }> {
    const { catalog } = this.#parts;
    // The same as of a rescue: both would request the same jobs.
    this.#stack.use(await lockCatalog(catalog.path, { signal, stderr: this.#tools.stderr }));
    catalog.assertInPlace();
    const place = { create: true, hasDocuments: false };
    const opened = this.#stack.use(await FolderTarget.open(this.#tools.pathOf(folder), place));
    const progress = new FilesProgress(onEvent);
    const namesOf = (archiveId: string) => {
      const archive = catalog.archives.get(archiveId);
      return archive === null ? { path: "", names: [] } : { path: archive.path, names: fetchedNames(archive) };
    };
    const full = new FullFolder({ endsRun: !this.#tools.stderr.isTTY });
    const target = new FetchTarget(opened, { progress, namesOf, full });
    this.#stack.use(await target.lock(signal));
    const copies = catalog.copies.of(target.url);
    await this.#chooseNames(copies, signal);
    await assertRoom(opened, copies, this.#parts.selection.archives(), { bytes: this.plan.bytes, signal });
    progress.totalKnown({ files: this.plan.archives, bytes: this.plan.bytes });
    const { bandwidth, concurrency = concurrencyDefault } = await paceOf(this.#options);
    const parts = { ...this.#parts, target, copies, onEvent: reporter(progress, onEvent) };
    const settings = { bandwidth, concurrency, once: this.#options.once, onState: () => undefined };
    const end = await runRescue(parts, settings, AbortSignal.any([signal, full.signal]));
    return { counts: progress.counts, end };
  }

  /**
   * Gives each file a name, in an order that is the same in each run: of two that want the same, the older archive gets it. Names of earlier
   * runs do not count, since their files may be gone; an unfinished download is found by its archive's id.
   */
  async #chooseNames(copies: TargetCopies, signal: AbortSignal): Promise<void> {
    const { catalog, selection } = this.#parts;
    copies.forget();
    for await (const batch of selection.archives()) {
      signal.throwIfAborted();
      catalog.change(() => {
        for (const archive of batch) {
          copies.plan(archive.number, fetchedPath(archive));
        }
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function amountOf(selection: NewestSelection, signal: AbortSignal): Promise<{ archives: number; bytes: number }> {
  const amount = { archives: 0, bytes: 0 };
  for await (const batch of selection.archives()) {
    signal.throwIfAborted();
    for (const { sizeBytes } of batch) {
      amount.archives += 1;
      amount.bytes += sizeBytes;
    }
  }
  return amount;
}

/** Returns null for a service that is not AWS's. */
async function pricesFor(
  client: GlacierClient,
  vaultName: string,
  prices: PriceTable,
  signal: AbortSignal,
): Promise<RegionPrices | null> {
  if (!(await isAws(client))) {
    return null;
  }
  const { VaultARN: arn } = await client.describeVault({ vaultName }, { signal });
  return pricesOf(prices, arn?.split(":")[3] ?? "");
}

function reporter(progress: FilesProgress, onEvent: Watched["onEvent"]): (event: RescueEvent) => void {
  const warn = (message: string) => onEvent({ kind: "warning", code: "retrieval", message });
  return (event) => {
    if (event.kind === "archive-failed" && event.final) {
      const { path, archiveId, reason } = event;
      progress.ended({ state: "failed", path, archiveId, message: reason });
    } else if (event.kind === "archive-failed") {
      warn(`${event.path}: ${event.reason}; trying again`);
    } else if (event.kind === "job-expired") {
      warn(`the output of job ${event.jobId} has expired; another job is requested`);
    } else if (event.kind === "warning" || event.reason !== "ahead") {
      warn(event.message);
    }
  };
}
