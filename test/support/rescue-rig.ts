import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { asRoot, Shell } from "./command.ts";
import { contentOf, sha256Of } from "./content.ts";
import { GlacierHttp } from "./glacier-http.ts";
import { peakMebibytes } from "./peak-memory.ts";
import { Random } from "./random.ts";
import { type Ending, endingOf, region, type ServerProcess, startServer, within } from "./server-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

// A vault of archives with all kinds of names, and the command that rescues it, which is killed at any time.

/** A job of the tier Standard takes three to five. */
const hoursOfJob = 6;
/** Some jobs were requested during the hours of others. */
const looksMax = 75;

export interface RigOptions {
  readonly archives: number;
  readonly seed: number;
  readonly flags?: readonly string[];
  /** Archives of this size in addition, which are fetched in ranges. @default none */
  readonly largeBytes?: readonly number[];
  /** The folder in which all is made. @default the system's */
  readonly parent?: string;
  /** Where the archives are rescued to. @default a folder */
  readonly target?: string;
  /** Variables of the command, in addition to those of the vault. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ManifestEntry {
  readonly archiveId: string;
  readonly path: string;
  readonly location?: string;
  readonly bytes: number;
  readonly treeHash: string;
  readonly sha256: string | null;
}

interface ListedJob {
  readonly Action: string;
  readonly Completed: boolean;
}

const uploadsAtOnce = 8;
export const vault = "rescued";

/** Descriptions as other tools write them, some of them hostile, and some equal. */
const descriptions: readonly ((index: number) => string)[] = [
  (index) => `plain name ${index}.txt`,
  (index) => JSON.stringify({ Path: `photos/${index % 7}/image ${index}.jpg` }),
  (index) => `../../../outside/escape-${index}`,
  () => "the same name.txt",
  (index) => `C:\\Windows\\file-${index}.dll`,
  (index) => `/etc/absolute-${index}`,
  (index) => `THE SAME NAME.TXT/${index % 3}`,
  () => "",
  (index) => `deep/${"x/".repeat(index % 20)}${"long".repeat(80)}-${index}`,
  () => "MANIFEST.jsonl",
  () => ".moraine/lock",
  (index) =>
    `mt2 ${Buffer.from(JSON.stringify({ filename: `mt/file-${index}`, mtime: "20120903T040506Z" })).toString("base64url")}`,
];

export class RescueRig implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly http: GlacierHttp;
  readonly shell: Shell;
  readonly folder: string;
  readonly target: string;
  /** SHA-256 by the archive's id. */
  readonly contents: ReadonlyMap<string, string>;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    fields: Pick<RescueRig, "server" | "http" | "folder" | "contents">,
    { target = join(fields.folder, "target"), environment = {} }: Pick<RigOptions, "target" | "environment">,
    stack: AsyncDisposableStack,
  ) {
    this.server = fields.server;
    this.http = fields.http;
    this.folder = fields.folder;
    this.contents = fields.contents;
    this.target = target;
    this.#stack = stack;
    const ofVault = { AWS_ENDPOINT_URL_GLACIER: this.server.url, AWS_REGION: region, XDG_STATE_HOME: this.folder };
    this.shell = new Shell(this.folder, { ...ofVault, ...environment });
  }

  /** Starts a server, and fills the vault before its faults begin. */
  static async start(options: RigOptions): Promise<RescueRig> {
    const { archives, seed, flags = [], largeBytes = [], parent } = options;
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await temporaryFolder(parent));
    const server = stack.use(await startServer({ dataFolder: join(folder, "data"), flags }));
    const http = new GlacierHttp(server.url);
    stack.defer(() => http.close());
    const contents = await fill(http, { archives, seed, largeBytes });
    await mkdir(join(folder, "outside"));
    await writeFile(join(folder, "outside", "witness"), "untouched");
    return new RescueRig({ server, http, folder, contents }, options, stack.move());
  }

  /** Runs the command to its end. */
  async rescue(flags: readonly string[] = [], secondsMax = 120): Promise<Ending> {
    const child = this.shell.start(["rescue", vault, this.target, "--yes", ...flags], { environment: asRoot });
    child.stdin?.end();
    return within(secondsMax * 1000, endingOf(child), "moraine rescue");
  }

  /** Runs the command, and kills it after a time; false if it had ended before. */
  async killedAfter(milliseconds: number, flags: readonly string[] = []): Promise<boolean> {
    return (await this.runFor(milliseconds, flags)).code === null;
  }

  /** Runs the command for a time at most: its exit code, null if it was killed, and the most memory that it has had. */
  async runFor(
    milliseconds: number,
    flags: readonly string[] = [],
  ): Promise<{ readonly code: number | null; readonly mebibytes: number }> {
    const child = this.shell.start(["rescue", vault, this.target, "--yes", ...flags], { environment: asRoot });
    child.stdin?.end();
    child.stdout?.resume();
    let stderr = "";
    child.stderr?.on("data", (text: Buffer) => {
      stderr = (stderr + text).slice(-5000);
    });
    const exited = once(child, "exit").then(([code]) => (code ?? null) as number | null);
    const end = performance.now() + milliseconds;
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    let mebibytes = 0;
    while (performance.now() < end && isRunning()) {
      await Promise.race([exited, sleep(Math.min(500, end - performance.now()), undefined, { ref: false })]);
      mebibytes = Math.max(mebibytes, await peakMebibytes(child.pid ?? 0));
    }
    if (isRunning()) {
      child.kill("SIGKILL");
    }
    const code = await exited;
    if (code !== null && code !== 0) {
      console.error(stderr);
    }
    return { code, mebibytes };
  }

  /**
   * Runs the command until it ends by itself, and kills it before that as often as is wanted. Later kills are later within their run too, so
   * that each run gets further than its start.
   */
  async rescueThroughKills(
    { kills, random, secondsMax }: { readonly kills: number; readonly random: Random; readonly secondsMax: number },
    flags: readonly string[],
  ): Promise<{ readonly killed: number; readonly mebibytes: number }> {
    for (let killed = 0, most = 0; ; killed += 1) {
      const { code, mebibytes } = await this.runFor(
        killed < kills ? random.whole(1500, 12_000) : secondsMax * 1000,
        flags,
      );
      most = Math.max(most, mebibytes);
      if (code !== null || killed > kills) {
        assert.equal(code, 0);
        return { killed, mebibytes: most };
      }
    }
  }

  /**
   * Has the vault's inventory imported: AWS makes a vault's first one within a day, and takes some hours for its output. Called before faults,
   * since nothing verifies the bytes of an inventory.
   */
  async readyInventory(flags: readonly string[]): Promise<void> {
    await this.advance(26);
    const { code, stderr } = await this.rescue(["--once", ...flags]);
    assert.equal(code, 75, stderr);
    await this.advance(6);
    const importing = this.shell.start(["catalog", "import", vault, ...flags], { environment: asRoot });
    importing.stdin?.end();
    const imported = await within(600_000, endingOf(importing), "moraine catalog import");
    assert.equal(imported.code, 0, imported.stderr);
  }

  /**
   * Moves the clock by an hour whenever a rescue waits for jobs, and no output is ready, until it is disposed of: a rescue measures its speed
   * by the time of the world, while outputs expire by the clock's. After the hours of a job it waits until the rescue has seen that,
   * which may have been killed meanwhile.
   */
  driveClock(catalog: string): Disposable & { readonly hours: number } {
    const drive = { hours: 0, [Symbol.dispose]: () => clearInterval(timer) };
    let looks = 0;
    const timer = setInterval(() => {
      const { requested, ready } = jobsOf(catalog);
      const isWaiting = requested > 0 && ready === 0;
      looks = !isWaiting || looks === looksMax ? 0 : looks + 1;
      if (isWaiting && looks <= hoursOfJob) {
        drive.hours += 1;
        void this.advance(1).catch(() => undefined); // A fault may act on it.
      }
    }, 400);
    return drive;
  }

  putFault(rule: object): Promise<unknown> {
    return this.http.admin("POST", "/faults", rule);
  }

  advance(hours: number): Promise<unknown> {
    return this.http.admin("POST", "/clock", { Seconds: hours * 3600 });
  }

  /** Asserts that the target has each archive once, under the names of its manifest, and nothing else, and nothing lies outside. */
  async assertRescued(expected = this.contents): Promise<void> {
    const entries = manifestOf(await readFile(join(this.target, "MANIFEST.jsonl"), "utf8"));
    const byId = new Map(entries.map((entry) => [entry.archiveId, entry]));
    assert.deepEqual([...byId.keys()].toSorted(), [...expected.keys()].toSorted());
    const locations = new Set<string>();
    for (const [archiveId, { path, location = path, sha256 }] of byId) {
      assert.equal(sha256, expected.get(archiveId), `the manifest's hash of ${location}`);
      assert.equal(sha256Of(await readFile(join(this.target, location))), sha256, location);
      locations.add(location);
    }
    assert.equal(locations.size, byId.size, "no two archives share a file");
    assert.deepEqual(new Set(await filesBelow(this.target)), locations, "nothing else is in the target");
    assert.deepEqual(await readdir(join(this.folder, "outside")), ["witness"], "nothing is outside of it");
    assert.equal(await readFile(join(this.folder, "outside", "witness"), "utf8"), "untouched");
    assert.equal(await stat("/etc/absolute-5").catch(() => null), null);
    await promisify(execFile)("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: this.target });
  }

  /** Returns the number of retrieval jobs that the service lists. */
  async jobCount(): Promise<number> {
    return (await this.#jobs()).length;
  }

  /** Resolves when no job is in progress. */
  async jobsCompleted(): Promise<void> {
    for (let look = 0; look < 200; look += 1) {
      if ((await this.#jobs()).every(({ Completed }) => Completed)) {
        return;
      }
      await sleep(100);
    }
    assert.fail("the jobs do not complete");
  }

  async #jobs(): Promise<ListedJob[]> {
    const jobs: ListedJob[] = [];
    let marker: string | null = "";
    while (marker !== null) {
      const query: Record<string, string> = marker === "" ? {} : { marker };
      const answer = await this.http.demand({ method: "GET", path: `/-/vaults/${vault}/jobs`, query });
      const page = JSON.parse(answer.body.toString()) as { JobList: ListedJob[]; Marker: string | null };
      jobs.push(...page.JobList.filter(({ Action }) => Action === "ArchiveRetrieval"));
      marker = page.Marker;
    }
    return jobs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack[Symbol.asyncDispose]();
  }
}

export const manifestOf = (text: string): ManifestEntry[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as ManifestEntry);

interface CatalogJobs {
  readonly requested: number;
  readonly ready: number;
  /** Requested in all. */
  readonly all: number;
}

/** Returns the numbers of jobs in a catalogue. */
export function jobsOf(catalog: string): CatalogJobs {
  if (!existsSync(catalog)) {
    return { requested: 0, ready: 0, all: 0 };
  }
  using database = new DatabaseSync(catalog, { readOnly: true, timeout: 10_000 });
  const row = database.prepare(countJobs).get() as Record<string, number>;
  const { requested = 0, ready = 0, all_jobs: all = 0 } = row;
  return { requested, ready, all };
}

const countJobs = `
SELECT count(*) FILTER (WHERE state = 0) AS requested, count(*) FILTER (WHERE state = 1) AS ready, total(request_count) AS all_jobs
FROM jobs`;

async function fill(
  http: GlacierHttp,
  { archives, seed, largeBytes = [] }: Pick<RigOptions, "archives" | "seed" | "largeBytes">,
): Promise<ReadonlyMap<string, string>> {
  await http.createVault(vault);
  const random = new Random(seed);
  const sizes = [...largeBytes, ...Array.from({ length: archives }, () => Math.ceil(10 ** (random.fraction() * 5)))];
  const contents = new Map<string, string>();
  let next = 0;
  const upload = async () => {
    while (next < sizes.length) {
      const index = next;
      next += 1;
      const bytes = contentOf(seed + index, sizes[index] ?? 1);
      const description = descriptions[index % descriptions.length]?.(index) ?? "";
      contents.set(await http.uploadArchive(vault, bytes, description), sha256Of(bytes));
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
  return contents;
}

/** Lists the files of a target, without the documents of the rescue. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith(".moraine/") && name !== "MANIFEST.jsonl" && name !== "SHA256SUMS");
}
