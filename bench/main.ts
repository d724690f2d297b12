import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../test/support/server-process.ts";
import type { Figure } from "./compare.ts";
import { measureDescribe } from "./measure-describe.ts";
import { measureDownload } from "./measure-download.ts";
import { measureInventory } from "./measure-inventory.ts";
import { measureMixed, type Peak } from "./measure-mixed.ts";
import { measureRanges } from "./measure-ranges.ts";
import { measureRescue } from "./measure-rescue.ts";
import { measureSmallArchives } from "./measure-small-archives.ts";
import { measureTransfers } from "./measure-transfers.ts";
import { measureUpload } from "./measure-upload.ts";
import type { Race } from "./race.ts";
import { startBareServer, startNginx } from "./references.ts";
import { type Stage, setStage } from "./stage.ts";
import { formatTables } from "./table.ts";

type Measurement = (stage: Stage) => Promise<ReadonlyArray<Figure | Race | Peak>>;

const measurements: Readonly<Record<string, Measurement>> = {
  upload: measureUpload,
  download: measureDownload,
  ranges: measureRanges,
  small: measureSmallArchives,
  describe: measureDescribe,
  mixed: measureMixed,
};

/** They take minutes, so they run when they are named. */
const longMeasurements: Readonly<Record<string, Measurement>> = {
  transfers: measureTransfers,
  inventory: measureInventory,
  rescue: measureRescue,
};
const allMeasurements = { ...measurements, ...longMeasurements };

const usage = `npm run bench -- [FLAGS]
  --only NAMES     some of ${Object.keys(measurements).join(",")},
                   and of those that take minutes: ${Object.keys(longMeasurements).join(",")}
  --json           JSON instead of a table
  --profile DIR    CPU profiles of the server's threads`;

const runMilliseconds = 230_000;
const longMilliseconds = 1_200_000;

const options = optionsOrExit();
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stopping.abort(new Error("Interrupted")));
}
const isLong = options.names.some((name) => Object.hasOwn(longMeasurements, name));
const timer = setTimeout(
  () => stopping.abort(new Error("It takes too long")),
  isLong ? longMilliseconds : runMilliseconds,
);
try {
  const figures = await run(options.names, options.profile);
  console.log(options.json ? JSON.stringify(figures, null, 2) : `${machine()}\n\n${formatTables(figures)}`);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
}

async function run(names: readonly string[], profile: string | null): Promise<ReadonlyArray<Figure | Race | Peak>> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "moraine-bench-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const files = join(folder, "files");
  await mkdir(files);
  const environment = profile === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
  const server = started.use(await startServer({ dataFolder: join(folder, "data"), environment }));
  const bare = await startBareServer(files);
  started.defer(() => bare.stop());
  const nginx = await startNginx(files);
  if (nginx !== null) {
    started.defer(() => nginx.stop());
  }
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  stopping.signal.addEventListener("abort", () => stopped.reject(stopping.signal.reason));
  stopping.signal.throwIfAborted();
  const stage = await setStage({
    server: { pid: server.pid, port: Number(new URL(server.url).port) },
    bare,
    nginx,
    folder: files,
  });
  const figures = await Promise.race([measureAll(names, stage), stopped.promise]);
  await server.stop();
  return figures;
}

async function measureAll(names: readonly string[], stage: Stage): Promise<ReadonlyArray<Figure | Race | Peak>> {
  const figures: Array<Figure | Race | Peak> = [];
  for (const name of names) {
    if (process.stderr.isTTY) {
      process.stderr.write(`measuring ${name} …\n`);
    }
    figures.push(...((await allMeasurements[name]?.(stage)) ?? []));
  }
  return figures;
}

function machine(): string {
  return `${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${availableParallelism()} cores, Node ${process.version}`;
}

function optionsOrExit() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string" },
        json: { type: "boolean" },
        profile: { type: "string" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    const names = values.only?.split(",") ?? Object.keys(measurements);
    const unknown = names.find((name) => !Object.hasOwn(allMeasurements, name));
    if (unknown !== undefined) {
      throw new Error(`there is no measurement ${unknown}`);
    }
    const base = process.env["INIT_CWD"] ?? process.cwd();
    const profile = values.profile === undefined ? null : resolve(base, values.profile);
    return { names, json: values.json === true, profile };
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}
