import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot } from "./support/command.ts";
import { Random } from "./support/random.ts";
import { RescueRig, vault } from "./support/rescue-rig.ts";
import { endingOf, within } from "./support/server-process.ts";
import { memoryFolder } from "./support/temporary-folder.ts";

// Whole vaults, rescued to a folder by the command, against a real server without delays.

const mebibyte = 1024 ** 2;

let rig: RescueRig;
before(async () => {
  rig = await RescueRig.start({ archives: 250, seed: 11, largeBytes: [33 * mebibyte + 7], parent: memoryFolder });
});
after(() => rig[Symbol.asyncDispose]());

test("a dry run says what would be fetched, requests nothing, and writes nothing", async () => {
  const inventory = join(rig.folder, "inventory.json");
  await rig.shell.done(["inventory", vault, "--format", "json", "-o", inventory], { environment: asRoot });
  await rig.shell.done(["catalog", "import", vault, inventory], { environment: asRoot });
  const { stdout, stderr } = await rig.rescue(["--dry-run", "--json"]);
  assert.equal((JSON.parse(stdout) as { left: { archives: number } }).left.archives, 251, stderr);
  assert.equal(await rig.jobCount(), 0);
  await assert.rejects(stat(rig.target), { code: "ENOENT" });
});

test("limits end the run with their own exit code, and are not passed by later runs", async () => {
  const prices = join(rig.folder, "prices.json");
  await writeFile(prices, JSON.stringify(priceTable));
  const flags = [
    "--prices",
    prices,
    "--max-cost",
    "50",
    "--tier",
    "Standard",
    "--catalog",
    join(rig.folder, "capped.sqlite"),
  ];
  const elsewhere = join(rig.folder, "capped");
  const run = (more: readonly string[] = []) =>
    rig.shell.run(["rescue", vault, elsewhere, "--yes", "--match", "plain name *", ...flags, ...more], {
      environment: asRoot,
    });
  for (const _ of ["first", "second"]) {
    const { code, stderr } = await run();
    assert.equal(code, 6, stderr);
    assert.match(stderr, /another job would cost more than --max-cost/);
  }
  assert.equal(await rig.jobCount(), 16, "jobs of three dollars each");
});

test("a cap on costs needs prices", async () => {
  const { code, stderr } = await rig.rescue(["--max-cost", "50"]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^moraine: --max-cost needs prices, and those of this service or region are not known: .*--prices FILE$/m,
  );
});

test("without prices of the region, a rescue needs consent, and no prices unless they limit it", async () => {
  const prices = join(rig.folder, "elsewhere.json");
  const { regions, ...table } = priceTable;
  await writeFile(prices, JSON.stringify({ ...table, regions: { "eu-west-9": regions["us-east-1"] } }));
  const catalog = join(rig.folder, "elsewhere.sqlite");
  const run = (flags: readonly string[]) =>
    rig.shell.run(
      [
        ...["rescue", vault, join(rig.folder, "elsewhere"), "--match", "plain name *"],
        ...["--prices", prices, "--catalog", catalog, ...flags],
      ],
      { environment: asRoot },
    );
  const capped = await run(["--yes", "--max-cost", "50"]);
  assert.equal(capped.code, 2);
  assert.match(capped.stderr, /--max-cost needs prices, and those of this service or region are not known/);
  const jobs = await rig.jobCount();
  const inventory = await run([]);
  assert.equal(inventory.code, 2);
  assert.match(inventory.stderr, /This needs confirmation/);
  const asked = await run(["--inventory", join(rig.folder, "inventory.json")]);
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /This needs confirmation/);
  assert.match((await run(["--dry-run"])).stdout, /^ {2}cost +not known for this service or region/m);
  assert.equal(await rig.jobCount(), jobs);
  assert.equal((await run(["--yes"])).code, 0);
});

const priceTable = {
  date: "2026-01-01",
  currency: "USD",
  source: "a test",
  regions: {
    "us-east-1": {
      storagePerGbMonth: 0,
      retrieval: Object.fromEntries(
        ["Expedited", "Standard", "Bulk"].map((tier) => [tier, { perGb: 0, perThousandRequests: 3000 }]),
      ),
      inventoryPerThousandRequests: 0,
      uploadPerThousandRequests: 0,
      s3PutPerThousandRequests: 0,
      egressFreeGb: 0,
      egress: [{ upToGb: null, perGb: 0 }],
    },
  },
};

test("a rescue that is killed again and again ends with each archive verified once, and one job for each", async () => {
  await mkdir(rig.target);
  const kept = join(rig.target, "plain name 12.txt");
  await writeFile(kept, "a file of the user's");
  const random = new Random(5);
  for (let kill = 0; kill < 4; kill += 1) {
    await rig.killedAfter(random.whole(900, 2200));
  }
  const ending = await rig.rescue();
  assert.equal(ending.code, 0, ending.stderr);
  assert.equal(await readFile(kept, "utf8"), "a file of the user's");
  await rm(kept);
  await rig.assertRescued();
  const jobs = await rig.jobCount();
  assert.ok(jobs <= 1.05 * 251, `${jobs} jobs for 251 archives`);
});

test("another run finds all done, and starts no job", async () => {
  const jobs = await rig.jobCount();
  const { code, stdout } = await rig.rescue();
  assert.equal(code, 0);
  assert.match(stdout, /^verified +251 archives/m);
  assert.equal(await rig.jobCount(), jobs);
});

test("copies that are missing or changed are fetched again with --recheck, the changed ones once they are moved away", async () => {
  const [missing = "", changed = "", ...others] = (await manifestLines(rig.target))
    .map((line) => JSON.parse(line) as { path: string; location?: string })
    .filter(({ path, location = path }) => path.startsWith("plain name") && location === path)
    .map(({ path }) => path);
  assert.ok(others.length > 10);
  const jobs = await rig.jobCount();
  await rm(join(rig.target, missing));
  await appendFile(join(rig.target, changed), "x");
  assert.equal((await rig.rescue()).code, 0, "without --recheck, copies are not read");
  const first = await rig.rescue(["--recheck"]);
  assert.equal(first.code, 4);
  assert.ok(first.stderr.includes(`${changed} has changed`), first.stderr);
  assert.match(first.stderr, /1 copy at .* changed: move these files away/);
  await rm(join(rig.target, changed));
  const second = await rig.rescue(["--recheck"]);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /^verified +251 archives/m);
  await rig.assertRescued();
  assert.ok((await rig.jobCount()) - jobs <= 2);
});

test("a lost catalogue is made again from the inventory and the manifest, without a job", async () => {
  await rm(join(rig.folder, "moraine"), { recursive: true });
  const jobs = await rig.jobCount();
  const { code, stdout } = await rig.rescue();
  assert.equal(code, 0);
  assert.match(stdout, /^verified +251 archives/m);
  assert.equal(await rig.jobCount(), jobs);
  assert.equal((await manifestLines(rig.target)).length, 251 + 2, "no copy is recorded again");
});

test("a lost catalogue and a lost manifest cost no job either: files are read and compared", async () => {
  await rm(join(rig.folder, "moraine"), { recursive: true });
  await rm(join(rig.target, "MANIFEST.jsonl"));
  const jobs = await rig.jobCount();
  const { code, stderr } = await rig.rescue();
  assert.equal(code, 0, stderr);
  assert.equal(await rig.jobCount(), jobs);
  assert.equal((await manifestLines(rig.target)).length, 251);
});

test("a target without the manifest that it had is refused: its disk may not be mounted", async () => {
  await rm(join(rig.target, "MANIFEST.jsonl"));
  const { code, stderr } = await rig.rescue();
  assert.equal(code, 2);
  assert.match(
    stderr,
    /has no MANIFEST\.jsonl, and the catalogue knows 251 verified copies there: is its disk mounted\?/,
  );
  await rm(rig.target, { recursive: true });
  await rm(join(rig.folder, "moraine"), { recursive: true });
});

test("a second rescue of the same vault is refused while one runs, and --status shows that one", async () => {
  const child = rig.shell.start(["rescue", vault, rig.target, "--bwlimit", "200KiB"], { environment: asRoot });
  child.stdin?.end();
  const ended = endingOf(child);
  await untilRunning();
  const second = await rig.rescue();
  assert.equal(second.code, 1);
  assert.match(second.stderr, /process|lock/i);
  const status = await rig.shell.done(["rescue", vault, "--status"], { environment: asRoot });
  assert.match(status, new RegExp(`^state +running \\(process ${child.pid}\\)$`, "m"));
  child.kill("SIGTERM");
  const { code, stderr } = await within(20_000, ended, "moraine rescue after SIGTERM");
  assert.equal(code, null, "it ends by the signal");
  assert.match(stderr, /interrupted by SIGTERM\nmoraine: Run the same command again to resume: .*\n$/);
  assert.match(await rig.shell.done(["rescue", vault, "--status"], { environment: asRoot }), /^state +interrupted$/m);
});

async function untilRunning(): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    const { stdout } = await rig.shell.run(["rescue", vault, "--status"], { environment: asRoot });
    if (/^state +running/m.test(stdout)) {
      return;
    }
    await sleep(100);
  }
  assert.fail("the rescue does not start");
}

test("archives that the vault no longer has, or has otherwise than the inventory says, do not stop the rest", async () => {
  const gone = await rig.http.uploadArchive(vault, Buffer.from("short-lived"), "short-lived");
  const inventory = join(rig.folder, "later.json");
  await rig.shell.done(["inventory", vault, "--format", "json", "-o", inventory], { environment: asRoot });
  await rig.http.deleteArchive(vault, gone);
  const chosen = [...rig.contents.keys()].slice(0, 9);
  const document = JSON.parse(await readFile(inventory, "utf8")) as {
    ArchiveList: { ArchiveId: string; Size: number }[];
  };
  for (const entry of document.ArchiveList.filter(({ ArchiveId }) => ArchiveId === chosen[3])) {
    entry.Size += 1;
  }
  await writeFile(inventory, JSON.stringify(document));
  const ids = join(rig.folder, "ids.txt");
  await writeFile(ids, [...chosen, gone, ""].join("\n"));
  const target = join(rig.folder, "partial");
  const flags = ["--catalog", join(rig.folder, "partial.sqlite"), "--inventory", inventory, "--ids", ids];
  const { code, stderr } = await rig.shell.run(["rescue", vault, target, ...flags], { environment: asRoot });
  assert.equal(code, 1, stderr);
  const failed = (await readFile(join(target, ".moraine", "FAILED.jsonl"), "utf8")).trimEnd().split("\n");
  const reasons = new Map(
    failed.map((line) => [(JSON.parse(line) as Failed).archiveId, (JSON.parse(line) as Failed).reason]),
  );
  assert.deepEqual(new Set(reasons.keys()), new Set([gone, chosen[3]]));
  assert.match(reasons.get(gone) ?? "", /the vault no longer has it/);
  assert.match(reasons.get(chosen[3] ?? "") ?? "", /the inventory says [0-9]+ bytes .* import a newer inventory/);
  assert.equal((await manifestLines(target)).length, 8);
});

test("a rescue makes the folder that its dry run has named", async () => {
  const target = join(rig.folder, "new");
  const run = (...flags: string[]) =>
    rig.shell.run(["rescue", vault, target, "--yes", "--match", "plain name 0.txt", ...flags], { environment: asRoot });
  assert.equal((await run("--dry-run")).code, 0);
  const { code, stderr } = await run();
  assert.equal(code, 0, stderr);
  assert.ok((await stat(join(target, "plain name 0.txt"))).isFile());
});

test("a check compares the copies with the manifest, and tells a changed one", async () => {
  const target = join(rig.folder, "partial");
  const check = (...flags: readonly string[]) =>
    rig.shell.run(["rescue", "--check", target, ...flags], { environment: asRoot });
  const invalid = await check("--concurrency", "65");
  assert.deepEqual([invalid.code, invalid.stderr], [2, "moraine: Invalid --concurrency 65: expected 1 to 64\n"]);
  const sound = await check();
  assert.equal(sound.code, 0, sound.stdout + sound.stderr);
  const [first = ""] = await manifestLines(target);
  const { path, location = path } = JSON.parse(first) as { path: string; location?: string };
  const bytes = await readFile(join(target, location));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(join(target, location), bytes);
  const changed = await check();
  assert.equal(changed.code, 4);
  assert.match(changed.stdout, /^changed +/m);
});

interface Failed {
  readonly archiveId: string;
  readonly reason: string;
}

const manifestLines = async (target: string): Promise<string[]> =>
  (await readFile(join(target, "MANIFEST.jsonl"), "utf8")).trimEnd().split("\n");
