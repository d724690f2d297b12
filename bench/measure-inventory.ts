import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { InventoryFormat } from "@moraine/protocol";
import type { InventoryReport } from "./inventory-child.ts";
import { type Race, race } from "./race.ts";

const rows = 10_000_000;
const child = fileURLToPath(import.meta.resolve("./inventory-child.ts"));

/** Reading inventories of 10,000,000 archives, one process each. */
export async function measureInventory(): Promise<Race[]> {
  const rules = { name: `inventory of ${rows} archives`, unit: "rows", rounds: 1 } as const;
  return [
    await race(
      rules,
      (["JSON", "CSV"] as const).map((format) => ({ name: format, run: () => read(format) })),
    ),
  ];
}

async function read(format: InventoryFormat): Promise<InventoryReport & { amount: number }> {
  // Memory that grew with the inventory would end the child. With more room, the collector would free less.
  const args = ["--max-old-space-size=64", "--conditions=@moraine/source", child, format, String(rows)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report: InventoryReport = JSON.parse(stdout);
  return { ...report, amount: report.rows };
}
