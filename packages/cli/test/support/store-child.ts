import { Bandwidth } from "@moraine/client/node";
import { openTarget } from "../../src/targets/open-target.ts";
import { archiveOf, outputOf } from "./archive-in-memory.ts";

// Stores an archive, to be killed meanwhile: writes the bytes that were received, then the copy.

const [url = "", stateFolder = "", sizeBytes = ""] = process.argv.slice(2);
const { signal } = new AbortController();
await using target = await openTarget(url, {
  environment: process.env,
  pathOf: (name) => name,
  stateFolder,
  create: true,
});
await using _lock = await target.lock(signal);
const archive = archiveOf(77, Number(sizeBytes), "killed/archive");
let receivedBytes = 0;
const onBytes = (count: number) => {
  receivedBytes += count;
  process.stdout.write(`received ${receivedBytes}\n`);
};
const bandwidth = new Bandwidth(100 * 1024 ** 2);
const copy = await target.store(archive.facts, outputOf(archive).output, { signal, onBytes, bandwidth });
process.stdout.write(`${JSON.stringify(copy)}\n`);
