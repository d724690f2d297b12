import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseSize } from "@moraine/protocol";
import { pricesFrom } from "../../arguments/price-file.ts";
import { globMatcher } from "../../catalog/glob.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { readSigningKey } from "../../manifest/signing-key.ts";
import { isLoopback, type MetricsAddress, metricsAddress } from "../reports/metrics-server.ts";
import type { Tier } from "../schedule/schedule.ts";
import { Timetable } from "../schedule/timetable.ts";
import type { SelectionOptions } from "../selection.ts";
import type { RescueOptions } from "./rescue-options.ts";

/** The options as they are given. */
export interface RescueFlags extends CatalogOptions {
  readonly once?: true;
  readonly recheck?: true;
  readonly yes?: true;
  readonly tier?: Tier;
  readonly fallbackTier?: Tier;
  readonly maxCost?: number;
  readonly maxRetrievalPerHour?: number;
  readonly bandwidth?: number;
  readonly bwlimit?: string;
  readonly concurrency?: number;
  readonly prices?: string;
  readonly match?: readonly string[];
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly createdFrom?: Date;
  readonly createdBefore?: Date;
  readonly ids?: string;
  readonly inventory?: string;
  readonly names?: string;
  readonly signKey?: string;
  readonly metricsListen?: string;
  readonly metricsPublic?: true;
}

const concurrencyMax = 64;

/** Reads and checks the options, before anything is requested. Throws UsageError. */
export async function readOptions(tools: CommandContext, flags: RescueFlags): Promise<RescueOptions> {
  const { tier = "Bulk", fallbackTier = null, maxCost = null, maxRetrievalPerHour = null, catalog } = flags;
  return {
    ...(catalog !== undefined && { catalog }),
    limits: { tier, fallbackTier, retrievalBytesPerHour: maxRetrievalPerHour, costMax: maxCost },
    selection: await selectionOf(tools, flags),
    bandwidthBytesPerSecond: flags.bandwidth ?? null,
    bwlimit: flags.bwlimit === undefined ? null : timetableOf(flags.bwlimit),
    concurrency: concurrencyOf(flags),
    inventory: flags.inventory ?? null,
    names: flags.names ?? null,
    priceTable: { table: await pricesFrom(tools, flags.prices), isGiven: flags.prices !== undefined },
    signingKey: flags.signKey === undefined ? null : readSigningKey(await tools.readText(flags.signKey), flags.signKey),
    metrics: flags.metricsListen === undefined ? null : addressOf(flags.metricsListen, flags.metricsPublic ?? false),
    once: flags.once ?? false,
    recheck: flags.recheck ?? false,
    yes: flags.yes ?? false,
  };
}

async function selectionOf(tools: CommandContext, flags: RescueFlags): Promise<SelectionOptions> {
  const { match, minSize, maxSize, createdFrom, createdBefore, ids } = flags;
  return {
    filter: {
      ...(minSize !== undefined && { sizeBytesMin: minSize }),
      ...(maxSize !== undefined && { sizeBytesMax: maxSize }),
      ...(createdFrom !== undefined && { createdFrom }),
      ...(createdBefore !== undefined && { createdBefore }),
    },
    matches: match === undefined ? null : globMatcher(match),
    archiveIds: ids === undefined ? null : await idsOf(tools.pathOf(ids), ids),
  };
}

async function idsOf(path: string, name: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const input = createReadStream(path);
  const failed = new Promise<never>((_, reject) => input.once("error", reject));
  failed.catch(() => undefined);
  try {
    await Promise.race([once(input), failed]);
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const id = line.trim();
      if (id === "") {
        continue;
      }
      if (!/^[\w-]{1,1024}$/.test(id)) {
        throw new UsageError(`Invalid archive id in ${name}: expected one a line, of letters, digits, - and _`);
      }
      found.add(id);
    }
  } catch (error) {
    throw error instanceof Error && "syscall" in error
      ? new UsageError(`cannot read ${name}: ${error.message}`, { cause: error })
      : error;
  }
  return found;
}

const once = (input: NodeJS.EventEmitter) => new Promise<void>((resolve) => input.once("open", () => resolve()));

function timetableOf(text: string): Timetable {
  const timetable = Timetable.parse(text, (rate) => parseSize(rate.replace(/\/s$/, "")) || null);
  if (timetable === null) {
    throw new UsageError(
      `Invalid --bwlimit "${text}": expected a rate like 10MiB, or a timetable like "08:00,512KiB 23:00,off" or "Mon-08:00,1MiB Sat-00:00,off"`,
    );
  }
  return timetable;
}

/** Throws UsageError. */
export function concurrencyOf({ concurrency }: Pick<RescueFlags, "concurrency">): number | undefined {
  if (concurrency !== undefined && (concurrency < 1 || concurrency > concurrencyMax)) {
    throw new UsageError(`Invalid --concurrency ${concurrency}: expected 1 to ${concurrencyMax}`);
  }
  return concurrency;
}

function addressOf(text: string, isPublic: boolean): MetricsAddress {
  const address = metricsAddress(text);
  if (address === null) {
    throw new UsageError(`Invalid --metrics-listen "${text}": expected HOST:PORT, like 127.0.0.1:9101`);
  }
  if (!isLoopback(address) && !isPublic) {
    throw new UsageError(
      `--metrics-listen ${text} would let other machines read the metrics, which have no password: add --metrics-public to allow it`,
    );
  }
  return address;
}
