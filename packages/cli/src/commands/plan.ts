import { Command } from "commander";
import { pricesFlag, pricesFrom, pricesHelp } from "../arguments/price-file.ts";
import { rate, size } from "../arguments/sizes.ts";
import type { CatalogOptions } from "../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../context/tools.ts";
import { catalogFlags } from "./catalog/catalog-flags.ts";

export interface PlanOptions extends CatalogOptions {
  readonly bandwidth?: number;
  readonly maxRetrievalPerHour?: number;
  readonly target?: string;
  readonly prices?: string;
}

/** Says what leaving a vault takes, and requests nothing. */
export function planCommand(tools: CommandContext): Command {
  return new Command("plan")
    .description("Show what it takes to leave a vault: archives, names, money, time and room; pays for nothing")
    .argument("<vault>")
    .option("--target <target>", "where the copies would go: a folder, s3://bucket/prefix, or vault:NAME@ENDPOINT")
    .option("--bandwidth <rate>", "bytes a second of your network, e.g. 12MiB", rate)
    .option("--max-retrieval-per-hour <size>", "bytes to retrieve an hour, e.g. 100GiB (default: no limit)", size)
    .option(pricesFlag, pricesHelp)
    .option(...catalogFlags)
    .addHelpText("after", details)
    .action(async (vaultName: string, options: PlanOptions) => {
      const prices = await pricesFrom(tools, options.prices);
      const { planOf } = await import("../planning/plan-of-vault.ts");
      const plan = await planOf(tools, vaultName, { ...options, prices });
      const { planText } = await import("../planning/plan-text.ts");
      tools.printResult(plan, () => planText(plan, tools.stdout.columns ?? columnsDefault));
    });
}

const columnsDefault = 80;

const details = `
Reads the local catalogue of the vault; without one, only the service's own
counts are known, and the command that imports an inventory is shown with what
it costs.

Prices of AWS are public figures with their date: check them before use, and
replace them with --prices. Other services charge what their operators say.

Examples:
  moraine plan photos --target /backup/photos --bandwidth 12MiB
  moraine plan photos --json | jq .prices > prices.json
  moraine plan photos --prices prices.json`;
