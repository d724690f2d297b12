import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { builtInPrices } from "../pricing/built-in-prices.ts";
import type { PriceTable } from "../pricing/price-table.ts";
import { checkedPrices } from "../pricing/read-prices.ts";
import { findJsonFault } from "./json-fault.ts";

/** Reads the price table of `--prices`; without a file, returns the built-in one. Throws UsageError or PriceTableError. */
export async function pricesFrom(
  { readText }: Pick<CommandContext, "readText">,
  file: string | undefined,
): Promise<PriceTable> {
  if (file === undefined) {
    return builtInPrices;
  }
  const text = await readText(file);
  const fault = findJsonFault(text);
  if (fault !== null) {
    throw new UsageError(`${file}:${fault.line}:${fault.column}: ${fault.reason}`);
  }
  return checkedPrices(JSON.parse(text));
}

export const pricesFlag = "--prices <file>";
export const pricesHelp =
  "prices to use instead of the built-in ones, as JSON in the form of .prices of moraine plan --json";
