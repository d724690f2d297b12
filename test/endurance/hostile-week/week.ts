import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Shell } from "../../support/command.ts";
import { contentOf, sha256Of } from "../../support/content.ts";
import { GlacierHttp } from "../../support/glacier-http.ts";
import { Random } from "../../support/random.ts";
import { endingOf, region, startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { type Fault, HostileProxy } from "./hostile-proxy.ts";
import { SmallDisk } from "./small-disk.ts";

export interface WeekOptions {
  readonly seed: number;
  readonly sizeBytes: number;
  /** How long each of the two transfers is harmed. */
  readonly hostileSeconds: number;
}

/** How one seed went. */
export interface WeekResult {
  readonly seed: number;
  readonly seconds: number;
  readonly uploadRuns: Runs;
  readonly retrieveRuns: Runs;
  readonly serverKills: number;
  readonly diskFulls: number;
  readonly faults: Partial<Record<Fault, number>>;
  /** Bodies that passed, up and down, as a multiple of the archive. */
  readonly traffic: number;
  readonly archives: number;
  readonly openUploads: number;
  readonly retrievalJobs: number;
  readonly isIdentical: boolean;
}

/** How often a command was started, and how its runs ended: exit codes, and `killed`. */
export type Runs = Readonly<Record<string, number>>;

const mebibyte = 1024 ** 2;
const vault = "hostile";
const runsMax = 500;
/** Once nothing is harmed any more, the same command must succeed within these. */
const calmRunsMax = 3;

/** Uploads an archive and retrieves it with the command, while everything else fails at random. */
export async function hostileWeek({ seed, sizeBytes, hostileSeconds }: WeekOptions): Promise<WeekResult> {
  const began = performance.now();
  const random = new Random(seed);
  await using source = await temporaryFolder();
  const sourceFile = join(source.path, "source");
  const content = contentOf(seed, sizeBytes);
  await writeFile(sourceFile, content);
  const contentHash = sha256Of(content);

  await using clientDisk = await SmallDisk.mount(sizeBytes + 48 * mebibyte);
  await using serverDisk = await SmallDisk.mount(Math.ceil(sizeBytes * 1.3) + 128 * mebibyte);
  await using world = await World.start({ random, clientDisk, serverDisk, sizeBytes, hostileSeconds });
  const upload = await world.repeat(["upload", vault, sourceFile, "--quiet"], hostileSeconds);
  const archiveId = upload.stdout.trim();
  const target = join(clientDisk.path, "target");
  const retrieve = await world.repeat(["retrieve", vault, archiveId, "-o", target, "--quiet"], hostileSeconds);

  const found = await world.inspect();
  return {
    seed,
    seconds: Math.round((performance.now() - began) / 1000),
    uploadRuns: upload.runs,
    retrieveRuns: retrieve.runs,
    serverKills: world.serverKills,
    diskFulls: world.diskFulls,
    faults: world.proxy.counts,
    traffic: world.proxy.bodyBytes / sizeBytes,
    ...found,
    isIdentical: (await fileHash(target)) === contentHash,
  };
}

/**
 * Throws unless the archive was stored once, retrieved by one job, and came back as it was. An upload may stay open: nobody knows its
 * id when the response that begins it is lost, and the service drops it after a day.
 */
export function assertSurvived(result: WeekResult): void {
  const { archives, retrievalJobs, isIdentical } = result;
  const expected = { archives: 1, retrievalJobs: 1, isIdentical: true };
  assert.deepEqual({ archives, retrievalJobs, isIdentical }, expected, JSON.stringify(result));
}

interface WorldOptions {
  readonly random: Random;
  readonly clientDisk: SmallDisk;
  readonly serverDisk: SmallDisk;
  readonly sizeBytes: number;
  readonly hostileSeconds: number;
}

/** A server, a line to it, and what harms them. */
class World implements AsyncDisposable {
  readonly proxy: HostileProxy;
  serverKills = 0;
  diskFulls = 0;
  readonly #options: WorldOptions;
  #server: Awaited<ReturnType<typeof startServer>>;

  private constructor(options: WorldOptions, proxy: HostileProxy, server: Awaited<ReturnType<typeof startServer>>) {
    this.#options = options;
    this.proxy = proxy;
    this.#server = server;
  }

  static async start(options: WorldOptions): Promise<World> {
    const server = await startServer({ dataFolder: join(options.serverDisk.path, "data") });
    const http = new GlacierHttp(server.url);
    await http.createVault(vault);
    http.close();
    const proxy = await HostileProxy.start(server.url, {
      random: options.random,
      faultShare: 0.3,
      // Half of the time is enough for all bytes, so that each harm has its chance.
      bytesPerSecond: (options.sizeBytes / options.hostileSeconds) * 2,
    });
    return new World(options, proxy, server);
  }

  /** Runs the same command again and again until it succeeds, and kills it now and then. */
  async repeat(line: readonly string[], hostileSeconds: number): Promise<{ runs: Runs; stdout: string }> {
    const { random, clientDisk } = this.#options;
    const shell = new Shell(clientDisk.path, { AWS_ENDPOINT_URL_GLACIER: this.proxy.url, AWS_REGION: region });
    const calm = new AbortController();
    const harm = this.#harm(calm.signal);
    const calming = sleep(hostileSeconds * 1000).then(() => {
      this.proxy.isCalm = true;
      calm.abort();
    });
    const runs: Record<string, number> = {};
    let calmRuns = 0;
    for (let run = 0; run < runsMax; run += 1) {
      calmRuns += this.proxy.isCalm ? 1 : 0;
      const child = shell.start(line);
      const life = random.whole(1000, 12_000);
      const kill = setTimeout(() => this.proxy.isCalm || child.kill("SIGKILL"), life);
      const ending = await endingOf(child);
      clearTimeout(kill);
      const code = String(ending.code ?? "killed");
      runs[code] = (runs[code] ?? 0) + 1;
      // An upload that is killed once it has printed the id is complete, and has no journal any more.
      if (ending.code === 0 || ending.stdout !== "") {
        calm.abort();
        await Promise.all([harm, calming]);
        this.proxy.isCalm = false;
        return { runs, stdout: ending.stdout };
      }
      assert.ok(ending.code !== 2 && calmRuns < calmRunsMax, `${line.join(" ")}: ${code}: ${ending.stderr}`);
      if (ending.code !== null) {
        process.stderr.write(`${line[0]} ended with ${code}: ${ending.stderr}`);
        await sleep(200);
      }
    }
    throw new Error(`${line.join(" ")} did not succeed in ${runsMax} runs`);
  }

  /** Reads from the server itself what the transfers left. */
  async inspect(): Promise<Pick<WeekResult, "archives" | "openUploads" | "retrievalJobs">> {
    const http = new GlacierHttp(this.#server.url);
    const list = async (path: string) =>
      JSON.parse((await http.demand({ method: "GET", path: `/-/vaults/${vault}/${path}` })).body.toString());
    const uploads: unknown[] = (await list("multipart-uploads")).UploadsList;
    const jobs: Array<{ Action: string }> = (await list("jobs")).JobList;
    const archives = (await http.inventory(vault)).length;
    http.close();
    return {
      archives,
      openUploads: uploads.length,
      retrievalJobs: jobs.filter(({ Action }) => Action === "ArchiveRetrieval").length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  async #harm(signal: AbortSignal): Promise<void> {
    const { random, clientDisk, serverDisk } = this.#options;
    const pause = (least: number, most: number) =>
      sleep(random.whole(least, most), undefined, { signal }).catch(() => undefined);
    const fillNowAndThen = async (disk: SmallDisk) => {
      while (!signal.aborted) {
        await pause(4000, 20_000);
        if (!signal.aborted) {
          this.diskFulls += 1;
          await disk.fill(random.whole(0, mebibyte));
          await pause(1000, 4000);
          await disk.makeRoom();
        }
      }
    };
    const killNowAndThen = async () => {
      while (!signal.aborted) {
        await pause(6000, 25_000);
        if (!signal.aborted) {
          await this.#restart();
        }
      }
    };
    await Promise.all([fillNowAndThen(clientDisk), fillNowAndThen(serverDisk), killNowAndThen()]);
  }

  async #restart(): Promise<void> {
    this.serverKills += 1;
    await this.#server.kill();
    await sleep(this.#options.random.whole(0, 3000));
    this.#server = await this.#start(10);
    this.proxy.upstream = this.#server.url;
  }

  /** Tries again as a supervisor would: a disk that is full to the last byte, ballast included, keeps a server from starting. */
  async #start(attemptsLeft: number): ReturnType<typeof startServer> {
    try {
      return await startServer({ dataFolder: join(this.#options.serverDisk.path, "data") });
    } catch (error) {
      if (attemptsLeft === 0) {
        throw error;
      }
      await sleep(1000);
      return this.#start(attemptsLeft - 1);
    }
  }
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
