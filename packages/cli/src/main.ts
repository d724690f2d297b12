#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=4 --heap-growing-percent=30 --conditions=@moraine/source

// Nothing is imported before the version is known: an older Node fails on what it lacks, and names that alone.
const nodeVersionMin = 24;
if (Number.parseInt(process.versions.node, 10) < nodeVersionMin) {
  process.stderr.write(`moraine: needs Node ${nodeVersionMin}, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  const { run } = await import("./run.ts");
  await run(process, process.env);
}
