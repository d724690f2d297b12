import {
  type ArchiveId,
  type InventoryFormat,
  type InventoryItem,
  inventoryWriters,
  type TreeHash,
} from "@moraine/protocol";
import { InventoryReader } from "../packages/client/src/node.ts";
import { peakBytes } from "./process-usage.ts";

// Reads an inventory of this many archives, which is never in memory, and prints what that took.

export interface InventoryReport {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

const rowsOfBlock = 5000;
/** As they come from a download. */
const pieceBytes = 64 * 1024;

const [format = "JSON", count = "10000000"] = process.argv.slice(2) as [InventoryFormat?, string?];

const started = performance.now();
let rows = 0;
let sizeBytes = 0;
for await (const archives of new InventoryReader(document(format, Number(count) / rowsOfBlock))) {
  rows += archives.length;
  for (const archive of archives) {
    sizeBytes += archive.sizeBytes;
  }
}
if (rows !== Number(count) || sizeBytes !== rows * item(0).sizeBytes) {
  throw new Error(`${rows} rows of ${sizeBytes} bytes are not what was written`);
}
const { userCPUTime, systemCPUTime } = process.resourceUsage();
const report: InventoryReport = {
  rows,
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  // Not what getrusage says: that begins with the memory of who started this process.
  peakBytes: peakBytes(process.pid) ?? Number.NaN,
};
console.log(JSON.stringify(report));

/** The same block of rows again and again, so that writing costs nothing. */
async function* document(format: InventoryFormat, blocks: number): AsyncGenerator<Uint8Array> {
  const writer = inventoryWriters[format];
  const items = Array.from({ length: rowsOfBlock }, (_, index) => item(index));
  const head = writer.head("arn:aws:glacier:us-east-1:123456789012:vaults/bench-00", new Date(0));
  const first = Buffer.from(items.map((each, index) => writer.item(each, index === 0)).join(""));
  const other = Buffer.from(items.map((each) => writer.item(each, false)).join(""));
  yield Buffer.from(head);
  for (let block = 0; block < blocks; block += 1) {
    const bytes = block === 0 ? first : other;
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      yield bytes.subarray(start, start + pieceBytes);
    }
  }
  yield Buffer.from(writer.tail());
}

function item(index: number): InventoryItem {
  return {
    archiveId: String(index).padStart(138, "aZ9-_x") as ArchiveId,
    archiveDescription: `photos/2019/"holiday", ${index}.jpg`,
    creationDate: new Date(1_500_000_000_000 + index * 1000),
    sizeBytes: 12_345_678,
    treeHash: String(index).padStart(64, "0123456789abcdef") as TreeHash,
  };
}
