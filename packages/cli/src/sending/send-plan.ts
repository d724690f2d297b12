import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { DigestPool } from "@moraine/client/node";
import type { Catalog } from "../catalog/catalog.ts";
import { isAws } from "../context/service-facts.ts";
import type { CommandContext } from "../context/tools.ts";
import { messageOf } from "../exit-codes.ts";
import { storageUsdPerMonth, uploadRequestsUsd } from "../pricing/estimate.ts";
import type { PriceTable } from "../pricing/price-table.ts";
import { pricesOf } from "../pricing/read-prices.ts";
import { serviceOf } from "../transfers/upload-state.ts";
import { type Amount, FilesProgress } from "./files-progress.ts";
import { findKnown } from "./known-archive.ts";
import { described } from "./local/described-file.ts";
import { isOfOneFile } from "./local/file-failure.ts";
import { fileRules } from "./local/file-rules.ts";
import type { LocalEntry } from "./local/local-entry.ts";
import { ownFilesOf } from "./local/own-files.ts";
import { type NamedSources, sourcesOf } from "./local/sources.ts";
import { openIfExists } from "./open-or-create.ts";
import type { SendOptions, Watched } from "./send-files.ts";

/** Work that a run would do. */
export interface SendPlan {
  readonly send: Amount;
  /** The vault has these. */
  readonly known: Amount;
  readonly leftOut: number;
  readonly failed: number;
  /** Requests that upload. */
  readonly requests: number;
  /** Null for a service that is not AWS's, or a region without a price. */
  readonly cost: SendCost | null;
}

interface SendCost {
  readonly requestsUsd: number;
  /** Totals of the files that would be sent. */
  readonly storageUsdPerMonth: number;
  readonly pricesOf: string;
}

/** Compares the files with the catalogue, and changes nothing. */
export async function planSending(
  tools: CommandContext,
  vaultName: string,
  named: NamedSources,
  { prices, ...options }: SendOptions & { readonly prices: PriceTable },
  { signal, onEvent }: Watched,
): Promise<SendPlan> {
  const { DigestPool, inParallel } = await import("@moraine/client/node");
  using catalog = openIfExists(tools, vaultName, options);
  await using pool = new DigestPool();
  const progress = new FilesProgress(onEvent);
  const plan = new Planner({ catalog, pool, progress, options });
  const rules = fileRules(options, await ownFilesOf(tools, vaultName, options));
  const sources = await sourcesOf(tools, named, rules);
  const look = (entry: LocalEntry, ending: AbortSignal) => plan.look(entry, ending);
  await inParallel(sources.entries(signal), options.concurrency ?? 1, look, signal);
  rules.match?.assertUsed(onEvent);
  const { send, requests } = plan;
  const { known, leftOut, failed } = progress.counts;
  const cost = (await isAws(await tools.client())) ? costOf(tools, prices, requests, send) : null;
  return { send, known, leftOut, failed, requests, cost };
}

interface PlannerParts {
  readonly catalog: Catalog | null;
  readonly pool: DigestPool;
  readonly progress: FilesProgress;
  readonly options: SendOptions;
}

class Planner {
  readonly send = { files: 0, bytes: 0 };
  requests = 0;
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  async look(entry: LocalEntry, signal: AbortSignal): Promise<void> {
    const { progress } = this.#parts;
    const { path } = entry;
    if (entry.kind !== "file") {
      progress.ended({ state: entry.kind, path, message: entry.reason });
      return;
    }
    try {
      await this.#compare(entry, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfOneFile(error)) {
        throw error;
      }
      progress.ended({ state: "failed", path, message: messageOf(error) });
    }
  }

  async #compare(entry: Extract<LocalEntry, { kind: "file" }>, signal: AbortSignal): Promise<void> {
    const { catalog, pool, progress, options } = this.#parts;
    const { path, sizeBytes } = entry;
    const file = described(entry, options.descriptionFormat);
    const comparison = catalog === null ? null : { catalog, pool, isQuick: options.quick ?? false };
    const known = comparison === null ? null : await findKnown(comparison, file, file.decodedPath, signal);
    if (known !== null) {
      progress.ended({ state: "known", path, sizeBytes, archiveId: known.archiveId });
      return;
    }
    await access(file.file, constants.R_OK);
    const requests = await requestsFor(sizeBytes, options.bwlimit);
    this.send.files += 1;
    this.send.bytes += sizeBytes;
    this.requests += requests;
  }
}

/** One request for a file of one part; else one for each part, one before and one after them. */
async function requestsFor(sizeBytes: number, bytesPerSecond: number | undefined): Promise<number> {
  const { chosenPartSize } = await import("@moraine/client/node");
  const parts = Math.ceil(sizeBytes / chosenPartSize(undefined, sizeBytes, bytesPerSecond));
  return parts === 1 ? 1 : parts + 2;
}

function costOf(
  tools: CommandContext,
  prices: PriceTable,
  requests: number,
  { files, bytes }: Amount,
): SendCost | null {
  const region = serviceOf(tools).region ?? "";
  if (!Object.hasOwn(prices.regions, region)) {
    return null;
  }
  const ofRegion = pricesOf(prices, region);
  return {
    requestsUsd: uploadRequestsUsd(ofRegion, requests),
    storageUsdPerMonth: storageUsdPerMonth(ofRegion, { archives: files, bytes }),
    pricesOf: prices.date,
  };
}
