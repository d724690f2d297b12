import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Shell } from "../support/command.ts";
import { fillVault, writeCatalog, writeCopies } from "../support/emptying-rig.ts";
import { GlacierHttp, type InventoryEntry } from "../support/glacier-http.ts";
import { Random } from "../support/random.ts";
import { type Ending, endingOf, region, type ServerProcess, startServer, within } from "../support/server-process.ts";
import { memoryFolder, temporaryFolder } from "../support/temporary-folder.ts";

// kill -9 of moraine vault empty at random moments, and the same line again, while the clock of a server with AWS's delays moves. Less is
// quicker: EMPTY_ARCHIVES=2000 EMPTY_KILLS=10 EMPTY_DAMAGED=20.

const count = Number(process.env["EMPTY_ARCHIVES"] ?? 100_000);
const kills = Number(process.env["EMPTY_KILLS"] ?? 50);
const damaged = Number(process.env["EMPTY_DAMAGED"] ?? 100);
const lifeMilliseconds = { least: 600, most: 2500 };
const residentMebibytesMax = 256;
const vault = "emptied";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let shell: Shell;
let entries: readonly InventoryEntry[];
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  server = await startServer({
    dataFolder: join(folder.path, "data"),
    flags: ["--clock", "manual", "--profile", "aws"],
  });
  http = new GlacierHttp(server.url);
  shell = new Shell(folder.path, {
    AWS_ENDPOINT_URL_GLACIER: server.url,
    AWS_REGION: region,
    XDG_STATE_HOME: folder.path,
  });
  await fillVault(http, vault, count);
  const { ArchiveList, InventoryDate } = await listing();
  assert.equal(ArchiveList.length, count);
  entries = ArchiveList;
  await writeCatalog(join(folder.path, "catalog"), { url: server.url, vault }, entries, new Date(InventoryDate));
  await writeCopies(join(folder.path, "copies"), entries);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const advance = (hours: number) => http.admin("POST", "/clock", { Seconds: hours * 3600 });
const line = ["vault", "empty", vault, "--catalog", "catalog", "--yes"];
const random = new Random(23);

async function listing(): Promise<{ InventoryDate: string; ArchiveList: InventoryEntry[] }> {
  await advance(25);
  const jobId = await http.initiateJob(vault, { Type: "inventory-retrieval" });
  await advance(5);
  await http.jobSucceeded(vault, jobId, 300);
  return JSON.parse((await http.jobOutput(vault, jobId)).toString());
}

/** Runs the line, kills it as often as that, and lets it end by itself. Returns its ending and the most memory that it had. */
async function killed(
  args: readonly string[],
  killCount: number,
): Promise<Ending & { readonly residentMebibytes: number }> {
  let residentMebibytes = 0;
  for (let kill = 0; ; kill += 1) {
    const child = shell.start(args);
    const ended = endingOf(child);
    const life = random.whole(lifeMilliseconds.least, lifeMilliseconds.most);
    const over = kill < killCount ? performance.now() + life : Number.POSITIVE_INFINITY;
    let ending: Ending | null = null;
    void ended.then((result) => {
      ending = result;
    });
    while (ending === null && performance.now() < over) {
      residentMebibytes = Math.max(residentMebibytes, await residentOf(child.pid));
      await sleep(50);
    }
    if (ending === null) {
      child.kill("SIGKILL");
      await within(10_000, ended, "it is not killed");
    } else {
      return { ...(ending as Ending), residentMebibytes };
    }
  }
}

async function residentOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

async function deletionRequests(): Promise<number> {
  const { RequestCounts } = (await http.admin("GET", "/requests")) as {
    readonly RequestCounts: readonly { readonly Operation: string; readonly Requests: number }[];
  };
  return RequestCounts.find(({ Operation }) => Operation === "DeleteArchive")?.Requests ?? 0;
}

test("exactly the archives with damaged copies stay, with --only-verified", async (t) => {
  const wrong = Array.from({ length: damaged }, (_, index) => entries[Math.floor((index * count) / damaged)]);
  for (const entry of wrong) {
    await writeFile(join(folder.path, "copies", entry?.ArchiveDescription ?? ""), "damaged");
  }
  const startedAt = performance.now();
  const ending = await killed([...line, "--only-verified", "copies", "--max-per-second", String(pace())], kills);
  t.diagnostic(`${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${ending.residentMebibytes.toFixed(0)} MiB`);
  assert.equal(ending.code, 4, ending.stderr);
  const { ArchiveList } = await listing();
  assert.deepEqual(
    new Set(ArchiveList.map(({ ArchiveId }) => ArchiveId)),
    new Set(wrong.map((entry) => entry?.ArchiveId)),
  );
  assert.ok(ending.residentMebibytes <= residentMebibytesMax, `${ending.residentMebibytes} MiB`);
  const asked = await deletionRequests();
  t.diagnostic(`${asked} deletions of ${count - damaged} archives`);
  assert.ok(asked <= count + kills * 250, `${asked} deletions of ${count} archives`);
});

test("the rest and the vault go by themselves, while the clock moves", async () => {
  const clock = setInterval(() => void advance(6), 1000);
  try {
    const ending = await killed([...line, "--delete-vault", "--wait"], 3);
    assert.equal(ending.code, 0, ending.stderr);
  } finally {
    clearInterval(clock);
  }
  await assert.rejects(http.demand({ method: "GET", path: `/-/vaults/${vault}` }), /404/);
});

/** Returns a rate at which the deletion outlasts all kills: a run lives 1.5 s on average, and half of that is its start. */
function pace(): number {
  return Math.max(20, Math.ceil(count / (kills * 0.8)));
}
