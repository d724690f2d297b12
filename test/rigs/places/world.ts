import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf, treeHashOf } from "../../support/content.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, Outcome } from "../../support/history/calls.ts";
import { HistoryRecorder } from "../../support/history/recorder.ts";
import type { Random } from "../../support/random.ts";
import { type ServerProcess, startCommand, startServer } from "../../support/server-process.ts";

const vault = "place";
const workersAtOnce = 4;
const sizeBytesMax = 200_000;
/** A job that met trouble is repeated later. */
const jobSecondsMax = 2;
const observedJobSecondsMax = 60;
const partSizeBytes = 1024 ** 2;
/** Some states end with the next look at the disk, which is a few seconds later. */
const recoveryAttemptsMax = 60;
const recoveryPauseMilliseconds = 250;

interface StartOptions {
  /** Words before `node`. */
  readonly prefix?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A server with its folder, the calls that were made of it, and all that was found to be wrong. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly dataFolder: string;
  readonly random: Random;
  readonly recorder: HistoryRecorder;
  readonly findings: string[] = [];
  readonly caller = new HistoryCaller("http://unused", "");
  readonly #servers = new AsyncDisposableStack();
  #server: ServerProcess | null = null;
  #archives = 0;
  /** Archives that nothing deletes, whether or not their upload succeeded. */
  readonly #kept: string[] = [];

  private constructor(folder: string, recorder: HistoryRecorder, random: Random) {
    this.folder = folder;
    this.dataFolder = join(folder, "data");
    this.recorder = recorder;
    this.random = random;
    this.caller.jobSecondsMax = jobSecondsMax;
  }

  static async open(folder: string, random: Random): Promise<World> {
    const world = new World(folder, await HistoryRecorder.create(join(folder, "history")), random);
    await mkdir(world.dataFolder, { mode: 0o700 });
    return world;
  }

  /** Starts a server, to which calls go from now on. It is killed with the world, if it still runs. */
  async start(options: StartOptions = {}): Promise<ServerProcess> {
    const server = await this.#startUnused(options);
    this.#server = server;
    this.caller.moveTo(server.url);
    return server;
  }

  /** Notes a finding if a server starts. Otherwise resolves to its last words. */
  async refuses(when: string): Promise<string> {
    try {
      const server = await this.#startUnused({});
      await server.kill();
    } catch (error) {
      return (error as Error).message;
    }
    this.findings.push(`a server has started ${when}`);
    return "";
  }

  async #startUnused({ prefix, environment = {} }: StartOptions): Promise<ServerProcess> {
    const command = prefix === undefined ? startCommand : { ...startCommand, prefix };
    const server = await startServer({ command, environment, dataFolder: this.dataFolder });
    this.#servers.use(server);
    return server;
  }

  /** Starts a server again if the last one has ended by itself, and notes a finding unless calls succeed soon. */
  async expectService(when: string): Promise<ServerProcess> {
    for (let attempt = 0; attempt < recoveryAttemptsMax; attempt += 1) {
      if (this.#server === null || !isAlive(this.#server.pid)) {
        await this.start();
      }
      if ((await this.work(1)) > 0 && this.#server !== null) {
        return this.#server;
      }
      await sleep(recoveryPauseMilliseconds);
    }
    this.findings.push(`no call succeeds ${when}`);
    return this.start();
  }

  async openUpload(): Promise<void> {
    const archive = "open";
    const sent = { seed: 1, sizeBytes: partSizeBytes, treeHash: treeHashOf(contentOf(1, partSizeBytes)) };
    await this.make({ op: "InitiateMultipartUpload", vault, archive, partSizeBytes });
    await this.make({ op: "UploadMultipartPart", vault, archive, firstByte: 0, ...sent });
  }

  /** Ends all servers, so that what they have left can be observed. */
  async end(): Promise<void> {
    await this.#servers.disposeAsync();
    this.caller.jobSecondsMax = observedJobSecondsMax;
    await this.recorder.note("restart");
  }

  make(call: Call): Promise<Outcome> {
    return this.recorder.record(call, (each) => this.caller.perform(each));
  }

  createVault(): Promise<Outcome> {
    return this.make({ op: "CreateVault", vault });
  }

  /** Uploads archives, several at once, of which some are deleted, and reads earlier ones. Returns how many calls succeeded. */
  async work(archives: number, { reads = true }: { readonly reads?: boolean } = {}): Promise<number> {
    let left = archives;
    let succeeded = 0;
    const worker = async () => {
      while (left > 0) {
        left -= 1;
        for (const call of this.#callsOfArchive(reads)) {
          const { kind } = await this.make(call);
          succeeded += kind === "ok" ? 1 : 0;
        }
      }
    };
    await Promise.all(Array.from({ length: workersAtOnce }, worker));
    return succeeded;
  }

  /** Notes a finding unless calls succeed again. */
  async expectWork(when: string): Promise<void> {
    if ((await this.work(2)) === 0) {
      this.findings.push(`no call succeeds ${when}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers.disposeAsync();
    this.caller.close();
    await this.recorder[Symbol.asyncDispose]();
  }

  #callsOfArchive(reads: boolean): Call[] {
    this.#archives += 1;
    const archive = `archive-${this.#archives}`;
    const sizeBytes = this.random.whole(1, sizeBytesMax);
    const seed = this.#archives;
    const earlier = this.random.oneOf(this.#kept);
    const read: Call[] = reads && earlier !== undefined ? [{ op: "ReadArchive", vault, archive: earlier }] : [];
    const upload: Call = {
      ...({ op: "UploadArchive", vault, archive, seed, sizeBytes } as const),
      treeHash: treeHashOf(contentOf(seed, sizeBytes)),
    };
    if (this.random.whole(1, 3) === 1) {
      return [...read, upload, { op: "DeleteArchive", vault, archive }];
    }
    this.#kept.push(archive);
    return [...read, upload, { op: "AddTagsToVault", vault, tags: { last: archive } }];
  }
}
