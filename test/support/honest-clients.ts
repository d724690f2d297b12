import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { GlacierHttp } from "./glacier-http.ts";

// Clients of one server that are measured while others do it harm, and the server's own use of the machine.

const pauseMilliseconds = 10;
/** The length of one measurement. */
export const roundSeconds = 3;

/** Twice the reference, and what a busy machine adds to the slowest of some hundred requests. */
export const limitOf = (reference: number) => 2 * reference + 100;

export const peakBytesMax = 256 * 1024 ** 2;

export async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** How many files and sockets the process has open. */
export const descriptors = async (pid: number): Promise<number> => (await readdir(`/proc/${pid}/fd`)).length;

/** The best of some rounds: a machine that is busy with other things spoils one of them, a server that is overloaded all. */
export async function bestP99(clients: readonly GlacierHttp[], rounds: number): Promise<number> {
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    found.push(await p99(clients, roundSeconds));
  }
  return Math.min(...found);
}

/** Milliseconds that 99 of 100 requests of honest clients take at most. Each of them must succeed. */
export async function p99(clients: readonly GlacierHttp[], seconds: number): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        const start = performance.now();
        await client.demand({ method: "GET", path: "/-/vaults/photos" });
        times.push(performance.now() - start);
        await sleep(pauseMilliseconds);
      }
    }),
  );
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? 0;
}
