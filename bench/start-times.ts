import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { region, rootKey, type ServerProcess, startServer } from "../test/support/server-process.ts";

// `npm run bench:start -- NAME=FOLDER …`: the CPU that short commands take, for installations of the packed command. They run
// in turns, so that whatever else the machine does meets all of them, and the least of many runs counts.

const runs = 25;
const python = "/usr/bin/python3";
const program = fileURLToPath(import.meta.resolve("./run-program.py"));
const run = promisify(execFile);

const installations = process.argv.slice(2).map((argument) => {
  const [name = "", folder = ""] = argument.split("=");
  return { name, command: resolve(folder, "node_modules/@moraine/cli/dist/main.js") };
});
if (installations.length === 0) {
  console.error("bench: name installations, like after=FOLDER, where FOLDER/node_modules/@moraine/cli is");
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), "moraine-bench-"));
const server = await startServer({ dataFolder: join(folder, "data") });
try {
  const file = join(folder, "file");
  await writeFile(file, Buffer.alloc(1024));
  const cases: ReadonlyArray<readonly string[]> = [
    ["--version"],
    ["--help"],
    ["vault", "list"],
    ["vault", "create", "photos"],
    ["--quiet", "upload", "photos", file],
    ["treehash", file],
  ];
  const names = installations.map(({ name }) => name.padStart(10)).join("");
  console.log(`${"CPU, ms".padEnd(28)}${names}`);
  const bare = await measure(["-e", "0"], server);
  console.log(`${"node -e 0".padEnd(28)}${bare.toFixed(0).padStart(10)}`);
  for (const args of cases) {
    const least = new Map(installations.map(({ name }) => [name, Number.POSITIVE_INFINITY]));
    for (let round = 0; round < runs; round += 1) {
      for (const { name, command } of installations) {
        least.set(name, Math.min(least.get(name) ?? 0, await cpuMilliseconds([command, ...args], server)));
      }
    }
    const figures = [...least.values()].map((milliseconds) => milliseconds.toFixed(0).padStart(10)).join("");
    console.log(
      `${args
        .filter((arg) => arg !== file)
        .join(" ")
        .padEnd(28)}${figures}`,
    );
  }
} finally {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
}

async function measure(args: readonly string[], { url }: Pick<ServerProcess, "url">): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < runs; round += 1) {
    least = Math.min(least, await cpuMilliseconds(args, { url }));
  }
  return least;
}

async function cpuMilliseconds(args: readonly string[], { url }: Pick<ServerProcess, "url">): Promise<number> {
  const { stdout } = await run(python, [program, process.execPath, ...args], {
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      AWS_ENDPOINT_URL_GLACIER: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
    },
  });
  return JSON.parse(stdout).cpuSeconds * 1000;
}
