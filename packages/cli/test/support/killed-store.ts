import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface StoreRun {
  readonly url: string;
  readonly stateFolder: string;
  readonly sizeBytes: number;
  readonly environment: NodeJS.ProcessEnv;
}

/** Stores the archive of `store-child.ts`, and kills the process after that many bytes. Returns the bytes that it received. */
export async function storeUntilKilled(run: StoreRun, killAfterBytes: number): Promise<number> {
  let receivedBytes = 0;
  const child = start(run);
  for await (const line of linesOf(child)) {
    receivedBytes = Number(/^received (\d+)$/.exec(line)?.[1] ?? receivedBytes);
    if (receivedBytes >= killAfterBytes) {
      child.kill("SIGKILL");
    }
  }
  await ended(child);
  return receivedBytes;
}

const program = fileURLToPath(new URL("store-child.ts", import.meta.url));

function start({ url, stateFolder, sizeBytes, environment }: StoreRun): ChildProcess {
  const args = ["--conditions=@moraine/source", program, url, stateFolder, String(sizeBytes)];
  return spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function linesOf(child: ChildProcess): AsyncIterable<string> {
  if (child.stdout === null) {
    throw new Error("The process has no output");
  }
  return createInterface(child.stdout);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
}
