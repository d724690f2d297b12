import { VirtualRescue, type VirtualWorld } from "../packages/cli/test/support/virtual-rescue.ts";
import { Random } from "../test/support/random.ts";

// How `moraine rescue` schedules the jobs of large vaults, in virtual time: the decisions are the command's own, service and line are
// arithmetic. Usage: node --conditions=@moraine/source bench/rescue-simulation.ts

const gibibyte = 1024 ** 3;
const megabyte = 1_000_000;
const random = new Random(7);
const mixedSizes = Array.from({ length: 4096 }, () => Math.ceil(10 ** (1 + 8 * random.fraction() ** 0.8)));

const usual: Omit<VirtualWorld, "archives" | "bytesOf" | "line"> = {
  limits: { tier: "Bulk", fallbackTier: null, retrievalBytesPerHour: null, costMax: null },
  latencySeconds: { Expedited: [60, 300], Standard: [3 * 3600, 5 * 3600], Bulk: [5 * 3600, 12 * 3600] },
  // Prices of us-east-1 as the command's table has them, checked before use by its reader.
  usdPerJob: 0.00005,
  usdPerByte: 0.01 / gibibyte,
  requestsPerSecondMax: 100,
  refusesAt: () => null,
  random: () => random.fraction(),
};

const line = (megabitsPerSecond: number) => () => ({
  bytesPerSecond: (megabitsPerSecond * megabyte) / 8,
  secondsPerArchive: 0.002,
});

const worlds: Readonly<Record<string, VirtualWorld>> = {
  "10,000,000 archives of 10 MB, 1 Gbit/s": { ...usual, archives: 1e7, bytesOf: () => 10 * megabyte, line: line(1000) },
  "the same, at most 300 GiB an hour": {
    ...usual,
    archives: 1e7,
    bytesOf: () => 10 * megabyte,
    line: line(1000),
    limits: { ...usual.limits, retrievalBytesPerHour: 300 * gibibyte },
  },
  "100,000 archives of 1 GB, 1 Gbit/s, Standard": {
    ...usual,
    archives: 1e5,
    bytesOf: () => 1000 * megabyte,
    line: line(1000),
    limits: { ...usual.limits, tier: "Standard" },
  },
  "10,000,000 archives of 10 bytes to 1 GB, 500 Mbit/s, half of it in office hours": {
    ...usual,
    archives: 1e7,
    bytesOf: (index) => mixedSizes[index % mixedSizes.length] ?? 1,
    line: (seconds) => line((seconds / 3600) % 24 < 9 ? 250 : 500)(),
  },
  "1,000,000 archives of 10 MB, 100 Mbit/s, an outage of 6 hours each third day": {
    ...usual,
    archives: 1e6,
    bytesOf: () => 10 * megabyte,
    line: (seconds) => line((seconds / 3600) % 72 < 6 ? 0.01 : 100)(),
  },
};

for (const [name, world] of Object.entries(worlds)) {
  const started = performance.now();
  const report = new VirtualRescue(world).run();
  const gigabytesAhead = Math.round(report.aheadMost.bytes / 1e9);
  console.log(name);
  console.log(
    `  ${report.days.toFixed(1)} days; ${report.fetched} fetched by ${report.jobs} jobs, ${report.expired} expired`,
  );
  console.log(
    `  ${(report.jobs / report.fetched).toFixed(4)} jobs an archive; ${Math.round(report.spentUsd)} USD for jobs`,
  );
  console.log(`  most ahead: ${report.aheadMost.archives} archives, ${gigabytesAhead} GB`);
  console.log(
    `  most in an hour: ${(report.hourBytesMost / gibibyte).toFixed(1)} GiB; ${report.throttled} requests throttled`,
  );
  console.log(`  the line had work for ${(100 * report.lineBusy).toFixed(1)} % of the time`);
  const mebibytes = Math.round(process.memoryUsage().rss / 1024 ** 2);
  console.log(`  simulated in ${((performance.now() - started) / 1000).toFixed(1)} s; ${mebibytes} MiB of memory`);
}
