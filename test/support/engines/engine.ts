import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment, repositoryRoot, within } from "../server-process.ts";

// Real databases and S3 stores, started by the scripts of test/engines/.

const scripts = join(repositoryRoot, "test/engines");
const startMillisecondsMax = 120_000;

interface Recipe {
  readonly script: string;
  /** After the port. */
  readonly args: readonly string[];
  /** Ports that follow each other, of which the script is given the first. */
  readonly ports: number;
  /** Programs of the packages that `install-engines.sh` installs; one that is missing leaves the tests out. */
  readonly programs: readonly string[];
  readonly package: string;
  readonly needsRoot: boolean;
}

const ceph = {
  script: "start-ceph-rgw.sh",
  ports: 2,
  programs: ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "curl"],
  package: "ceph",
  needsRoot: true,
};
const postgres = { programs: ["psql", "pg_ctlcluster"], package: "postgres", needsRoot: false };

const recipes = {
  /** In memory: it cannot be started again. */
  ceph: { ...ceph, args: ["memstore"] },
  swift: {
    script: "start-swift-s3.sh",
    args: [],
    ports: 5,
    programs: ["swift-proxy-server", "swift-object-server", "swift-ring-builder", "memcached", "curl"],
    package: "swift",
    needsRoot: true,
  },
  postgres: { ...postgres, script: "start-postgres.sh", args: [], ports: 1 },
  /** A primary and a synchronous standby. */
  postgresPair: { ...postgres, script: "start-postgres-ha.sh", args: [], ports: 2 },
} satisfies Record<string, Recipe>;

export type EngineName = keyof typeof recipes;

/** An engine that runs until it is disposed of, or until this process ends in any way. */
export interface Engine extends AsyncDisposable {
  /** Its folder, which the scripts of test/engines/ take. */
  readonly folder: string;
  /** Exports of the script: `S3_ENDPOINT`, `DATABASE_URL` and others. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Suits `skip` of a test: false, or the reason why this machine cannot run the engine. */
export function missingEngine(name: EngineName): string | false {
  const { programs, package: packageName, needsRoot } = recipes[name] as Recipe;
  const absent = programs.filter((program) => !isInstalled(program));
  if (absent.length > 0) {
    return `not installed: ${absent.join(", ")}; run test/engines/install-engines.sh ${packageName}`;
  }
  return needsRoot && process.getuid?.() !== 0 && `${name} is started by root alone`;
}

/** Starts an engine on free ports, in a temporary folder of its own. */
export async function startEngine(name: EngineName, environment: NodeJS.ProcessEnv = {}): Promise<Engine> {
  const { script, args, ports } = recipes[name] as Recipe;
  const folder = await mkdtemp(join(tmpdir(), `moraine-${name}-`));
  const port = await freePorts(ports);
  const child = spawn(join(scripts, "run-engine.sh"), [folder, script, String(port), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    // Not stopped by what stops the tests, but by the end of its input.
    detached: true,
    env: { ...cleanEnvironment(), ...environment },
  });
  const ended = once(child, "close");
  try {
    const variables = await within(startMillisecondsMax, exportsOf(child), `${name} does not start`);
    return { folder, variables, [Symbol.asyncDispose]: () => stop(child, ended) };
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  await ended;
}

async function exportsOf(child: ChildProcess): Promise<Record<string, string>> {
  let output = "";
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdout?.setEncoding("utf8");
  for await (const text of child.stdout ?? []) {
    output += text;
    if (/^ready$/m.test(output)) {
      return Object.fromEntries(
        [...output.matchAll(/^export (\w+)='?(.*?)'?$/gm)].map(([, name = "", value = ""]) => [name, value]),
      );
    }
  }
  throw new Error(`The engine did not start: ${errors}`);
}

function isInstalled(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Below the ports that the system gives to outgoing connections. */
const [portMin, portMax] = [15_000, 32_000];

async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const first = randomInt(portMin, portMax - count);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) {
      return first;
    }
  }
  throw new Error(`No ${count} free ports in a row`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
