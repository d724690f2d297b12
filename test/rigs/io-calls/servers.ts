import type { DiskRig } from "../../support/disk-rig/rig.ts";
import { type ServerProcess, startServer } from "../../support/server-process.ts";

interface ServersOptions {
  readonly dataFolder: string;
  readonly rig: DiskRig;
}

/** The servers of one data folder, one after another, all of them watched by the rig. */
export class Servers implements AsyncDisposable {
  readonly #options: ServersOptions;
  #server: ServerProcess;

  private constructor(options: ServersOptions, server: ServerProcess) {
    this.#options = options;
    this.#server = server;
  }

  static async start(options: ServersOptions): Promise<Servers> {
    return new Servers(options, await startOne(options));
  }

  get dataFolder(): string {
    return this.#options.dataFolder;
  }

  /** Whether the server takes changes: false once it was killed, or has halted. */
  async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/health/ready`).catch(() => null);
    return response?.ok === true;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Kills the server, which may have ended by itself, and starts the next. */
  async restart(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.#server = await startOne(this.#options);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function startOne({ dataFolder, rig }: ServersOptions): Promise<ServerProcess> {
  return startServer({ dataFolder, environment: rig.environment });
}
