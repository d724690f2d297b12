import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { cleanEnvironment, within } from "./server-process.ts";

const startMillisecondsMax = 60_000;

/** moto, the emulator of AWS in Python, unmodified, on a port of its own. It keeps everything in memory. */
export class MotoServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

export async function startMoto(): Promise<MotoServer> {
  const child = spawn("moto_server", ["--host", "127.0.0.1", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: cleanEnvironment(),
  });
  try {
    return await within(startMillisecondsMax, listening(child), "moto does not start");
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function listening(child: ChildProcess): Promise<MotoServer> {
  await once(child, "spawn");
  const said: string[] = [];
  if (child.stderr !== null) {
    const lines = createInterface(child.stderr);
    for await (const line of lines) {
      const url = /Running on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) {
        return new MotoServer(child, url);
      }
      said.push(line);
    }
  }
  throw new Error(`moto ended before it listened: ${said.join("\n")}`);
}
