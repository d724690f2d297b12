import { createReadStream } from "node:fs";
import type { GlacierClient } from "@moraine/client";
import type { Catalog } from "../../catalog/catalog.ts";
import { type ImportResult, importInventory } from "../../catalog/inventory/import-inventory.ts";
import { recordedInventory } from "../../catalog/inventory/recorded-inventory.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { dollars } from "../../planning/amounts-in-words.ts";
import { jobFileFor } from "../../transfers/upload-state.ts";

export interface InventoryWishes {
  /** A file; null takes what the catalogue has, else the service's newest inventory. */
  readonly inventory: string | null;
  readonly once: boolean;
  readonly yes: boolean;
  /** Whether the service charges for an inventory. */
  readonly isPaid: boolean;
  /** The price of an inventory at most; null where prices are not known. */
  readonly inventoryUsd: number | null;
}

type Tools = Pick<CommandContext, "signal" | "pathOf" | "stdin" | "confirm" | "environment" | "options"> &
  CommandContext;

/** Makes sure that the catalogue has an inventory. Starts an inventory job only if the user agrees. Throws JobNotReadyError. */
export async function prepareCatalog(
  tools: Tools,
  { client, vaultName, catalog }: { client: GlacierClient; vaultName: string; catalog: Catalog },
  wishes: InventoryWishes,
  notice: (sentence: string) => void,
): Promise<void> {
  const { signal } = tools;
  if (wishes.inventory !== null) {
    const bytes = wishes.inventory === "-" ? tools.stdin() : createReadStream(tools.pathOf(wishes.inventory));
    report(await importInventory(catalog, readable(bytes, wishes.inventory), { signal }), notice);
    return;
  }
  const recorded = recordedInventory(catalog);
  if (recorded !== null) {
    catalog.assertImported();
    const asOf = recorded.listedAt === null ? "without a date" : `of ${recorded.listedAt.toISOString()}`;
    notice(
      `the catalogue has ${recorded.listed} archives, from an inventory ${asOf}; --inventory FILE imports another one`,
    );
    return;
  }
  await assertMayStart(tools, vaultName, wishes);
  const { streamInventory } = await import("@moraine/client/node");
  const jobFile = await jobFileFor(tools, vaultName, "rescue");
  const wait = wishes.once ? { waitMillisecondsMax: onceWaitMilliseconds } : {};
  notice("waiting for an inventory of the vault");
  const bytes = streamInventory(client, { vaultName }, { signal, jobFile, reuse: true, ...wait });
  report(await importInventory(catalog, bytes, { signal }), notice);
}

/** A service without delays has an inventory within this time. */
const onceWaitMilliseconds = 2000;

async function assertMayStart(
  tools: Tools,
  vaultName: string,
  { yes, isPaid, inventoryUsd }: InventoryWishes,
): Promise<void> {
  if (yes || !isPaid) {
    return;
  }
  await tools.confirm(
    vaultName,
    () =>
      `The catalogue has no inventory of vault ${vaultName} yet. The newest inventory job of the last day is used; if there is none, one is started, which costs ${inventoryUsd === null ? "an unknown amount" : `${dollars(inventoryUsd)} at most`} and takes hours.`,
  );
}

async function* readable(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* bytes;
  } catch (error) {
    throw error instanceof Error && "syscall" in error
      ? new UsageError(`cannot read the inventory ${name}: ${error.message}`, { cause: error })
      : error;
  }
}

function report(
  { listed, added, vanished, invalid, listedAt }: ImportResult,
  notice: (sentence: string) => void,
): void {
  const asOf = listedAt === null ? "" : ` as of ${listedAt.toISOString()}`;
  const gone = vanished === null || vanished === 0 ? "" : `, ${vanished} that were listed before have vanished`;
  notice(`the inventory lists ${listed} archives${asOf}, ${added} of them new${gone}`);
  if (invalid.count > 0) {
    notice(
      `warning: ${invalid.count} invalid entries of the inventory are left out; the first: ${invalid.first[0]?.reason ?? ""}`,
    );
  }
}
