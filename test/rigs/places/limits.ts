import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServerProcess } from "../../support/server-process.ts";
import type { Place } from "./places.ts";
import type { World } from "./world.ts";

const mebibyte = 1024 ** 2;
/** Only the soft limit is changed, since not every root may raise the other one again. */
const descriptors = 1024;
const limitedMilliseconds = 1500;

const prlimit = (pid: number, ...limits: string[]) =>
  promisify(execFile)("prlimit", ["--pid", String(pid), ...limits]).catch((error: NodeJS.ErrnoException) => {
    // The process may have ended, as it may under a limit.
    if (!/No such process/.test(String(error))) {
      throw error;
    }
  });

const whyUnusable = (): Promise<string | null> =>
  promisify(execFile)("prlimit", ["--version"]).then(
    () => null,
    () => "prlimit is missing",
  );

/** The process may open a few files more than it has, or none. */
export const fewDescriptors: Place = {
  whyUnusable,
  async trouble(world) {
    let server = await world.start();
    await world.createVault();
    await world.work(12);
    for (const more of [0, 3, 10]) {
      const open = (await readdir(`/proc/${server.pid}/fd`)).length;
      const limit = open + more + world.random.whole(0, 2);
      await whileLimited(world, server, { limit: `--nofile=${limit}:`, lifted: `--nofile=${descriptors}:` });
      server = await world.expectService(`after a limit of ${limit} descriptors`);
    }
    const starts = [20, 30, 40, 60].map((base) => base + world.random.whole(0, 9));
    await server.stop();
    for (const limit of starts) {
      await startLimited(world, ["prlimit", `--nofile=${limit}:${limit}`]);
    }
  },
};

/** The address space of the process grows by a few MiB, or not at all. */
export const littleMemory: Place = {
  whyUnusable,
  async trouble(world) {
    let server = await world.start();
    await world.createVault();
    for (const more of [1, 16, 64]) {
      const used = Number(/VmSize:\s+(\d+)/.exec(await readFile(`/proc/${server.pid}/status`, "utf8"))?.[1]) * 1024;
      await whileLimited(world, server, {
        limit: `--as=${used + more * mebibyte}:`,
        lifted: "--as=unlimited:",
      });
      server = await world.expectService(`after a limit of ${more} MiB more`);
    }
  },
};

/** The process does not outlive some of them, and is then started again. */
async function whileLimited(
  world: World,
  server: ServerProcess,
  { limit, lifted }: { readonly limit: string; readonly lifted: string },
): Promise<void> {
  await prlimit(server.pid, limit);
  const work = world.work(12);
  // Without descriptors some calls wait until there are some again.
  await Promise.race([work, sleep(limitedMilliseconds)]);
  await prlimit(server.pid, lifted);
  await work;
}

async function startLimited(world: World, prefix: readonly string[]): Promise<void> {
  try {
    const server = await world.start({ prefix });
    await world.work(4);
    await server.kill();
  } catch (error) {
    if (!/ended with/.test((error as Error).message)) {
      world.findings.push(`${prefix.join(" ")}: ${(error as Error).message}`);
    }
  }
}
