import assert from "node:assert/strict";
import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fillVault, pathOfNumber, recordUpload, writeCatalog, writeCopies } from "./support/emptying-rig.ts";
import type { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, region, within } from "./support/server-process.ts";
import { startWatchedService, type WatchedService } from "./support/watched-service.ts";

// Vaults emptied by the command, against a server with AWS's delays, and a clock that the test moves.

let service: WatchedService;
let { folder, http, proxy, shell, here } = {} as WatchedService;
before(async () => {
  service = await startWatchedService(["--clock", "manual", "--profile", "aws", "--allow-faults"]);
  ({ folder, http, proxy, shell, here } = service);
});
after(() => service[Symbol.asyncDispose]());
beforeEach(() => {
  proxy.change = () => undefined;
});

const advance = (hours: number) => http.admin("POST", "/clock", { Seconds: hours * 3600 });
const catalogOf = (vault: string) => join(folder.path, `${vault}.sqlite`);
const deletions = (vault: string, from = 0) =>
  proxy.passed
    .slice(from)
    .filter(({ method, path }) => method === "DELETE" && path.includes(`/vaults/${vault}/archives/`));

/** An inventory as the service takes it the day after. */
async function listing(vault: string) {
  await advance(25);
  const jobId = await http.initiateJob(vault, { Type: "inventory-retrieval" });
  await advance(5);
  await http.jobSucceeded(vault, jobId);
  const document = JSON.parse((await http.jobOutput(vault, jobId)).toString());
  return document as { InventoryDate: string; ArchiveList: Awaited<ReturnType<GlacierHttp["inventory"]>> };
}

/** A vault with archives, and its catalogue. */
async function filled(vault: string, count: number) {
  await fillVault(http, vault, count);
  const { ArchiveList, InventoryDate } = await listing(vault);
  assert.equal(ArchiveList.length, count);
  await writeCatalog(catalogOf(vault), { url: proxy.url, vault }, ArchiveList, new Date(InventoryDate));
  return ArchiveList;
}

const lineFor = (vault: string, ...more: readonly string[]) => [
  "vault",
  "empty",
  vault,
  "--catalog",
  catalogOf(vault),
  ...more,
];
const descriptions = async (vault: string) =>
  (await listing(vault)).ArchiveList.map(({ ArchiveDescription }) => ArchiveDescription).toSorted();

test("shows what would be lost and deletes nothing without a confirmation", async () => {
  await http.createVault("unknown");
  await here.refused(
    lineFor("unknown"),
    2,
    /There is no catalogue of vault unknown \(.*\): make one with moraine catalog import unknown\n$/,
  );
  await filled("shown", 7);
  for (const more of [[], ["--dry-run"], ["--dry-run", "--yes"]]) {
    const shown = await here.done(lineFor("shown", ...more));
    assert.match(shown, /^archives +7 \(/m);
    assert.match(shown, /^to delete +7 \(/m);
    assert.match(shown, /^without a verified copy +7 \(.*\n {2}"folder-\d\/file-\d\.txt"\n(.*\n){4} {2}and 2 more$/m);
    assert.match(shown, /^Archives without a verified copy are lost\. To keep them: --only-verified MANIFEST$/m);
    assert.match(shown, /^Nothing was deleted\./m);
  }
  const { survey, dryRun } = JSON.parse(await here.done(lineFor("shown", "--json")));
  assert.deepEqual([dryRun, survey.selected.archives, survey.unverified.archives], [true, 7, 7]);
  assert.deepEqual(deletions("shown"), []);
});

test("resumes after kills, deletes each archive about once, and the vault after the next inventory", async () => {
  const count = 400;
  await filled("killed", count);
  const line = lineFor("killed", "--yes", "--delete-vault");
  for (let kill = 1; kill <= 3; kill += 1) {
    const child = shell.start([...line, "--max-per-second", "150"]);
    const ended = endingOf(child);
    const goal = kill * 100;
    for (const end = performance.now() + 20_000; deletions("killed").length < goal; await sleep(5)) {
      assert.ok(performance.now() < end, "nothing is deleted");
    }
    child.kill("SIGKILL");
    await within(10_000, ended, "it is not killed");
  }
  const emptied = await here.run(line);
  assert.equal(emptied.code, 75);
  assert.match(emptied.stdout, /^Deleted \d+ archives \(.*\) of vault killed\.\n$/);
  assert.match(emptied.stderr, /Vault killed has no archives left; the service deletes it after its next inventory/);
  const ids = deletions("killed").map(({ path }) => path);
  assert.equal(new Set(ids).size, count);
  assert.ok(ids.length <= count + 3 * 200, `${ids.length} deletions`);
  await here.refused(line, 75, /has no archives left/);
  assert.equal(deletions("killed").length, ids.length, "a deleted archive is not deleted again");
  await advance(25);
  assert.match(await here.done(line), /^Deleted vault killed\.$/m);
  assert.match(await here.done(line), /^Vault killed does not exist any more\.$/m);
});

test("waits for the inventory, and deletes the vault by itself", async () => {
  await filled("waited", 5);
  const child = shell.start(lineFor("waited", "--yes", "--delete-vault", "--wait", "--json"));
  const ended = endingOf(child);
  const asked = () => proxy.passed.filter(({ method, path }) => method === "DELETE" && path.endsWith("/vaults/waited"));
  for (const end = performance.now() + 20_000; asked().length < 2; await sleep(20)) {
    assert.ok(performance.now() < end, "the vault is not asked for");
  }
  await advance(25);
  const { code, stdout } = await within(30_000, ended, "it does not end");
  assert.equal(code, 0, stdout);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event }) => event),
    ["progress", "emptied", "waiting", "done"],
  );
  assert.deepEqual([events[3].deleted, events[3].vault], [5, "deleted"]);
});

test("keeps exactly the archives whose copies are damaged, missing, or not in the manifest", async () => {
  const entries = await filled("verified", 60);
  const copies = join(folder.path, "copies");
  await mkdir(copies);
  const withCopy = entries.filter(({ ArchiveDescription }) => ArchiveDescription !== pathOfNumber(7));
  await writeCopies(copies, withCopy);
  await writeFile(join(copies, pathOfNumber(11)), "archive 11 xxxxxXxxxxx");
  await truncate(join(copies, pathOfNumber(12)), 3);
  await rm(join(copies, pathOfNumber(13)));
  const manifest = await readFile(join(copies, "MANIFEST.jsonl"), "utf8");
  const lines = manifest.trimEnd().split("\n");
  const lineOfNumber = (number: number) => lines.find((text) => text.includes(`"${pathOfNumber(number)}"`)) ?? "";
  // An entry of other bytes verifies nothing, and of several entries of an archive the last counts.
  const other = lineOfNumber(14).replace(/"treeHash":"\w{8}/, '"treeHash":"00000000');
  const earlier = lineOfNumber(15).replace('"path":', '"location":"elsewhere","path":');
  await writeFile(join(copies, "MANIFEST.jsonl"), `${earlier}\n${manifest.replace(lineOfNumber(14), other)}`);
  const line = lineFor("verified", "--only-verified", copies);
  const shown = await here.done(line);
  assert.match(shown, /^to delete +58 \(.*\nnot in the manifest +2 \(.*\n( {2}"folder-[47]\/file-(7|14)\.txt"\n){2}/m);
  assert.match(shown, /^Each copy is read back before its archive is deleted\.$/m);
  const { code, stdout, stderr } = await here.run([...line, "--yes", "--delete-vault"]);
  assert.equal(code, 4, stderr);
  assert.match(stdout, /^Deleted 55 archives /m);
  assert.match(stderr, /^moraine: kept \S+: its copy folder-1\/file-11\.txt is changed$/m);
  assert.match(stderr, /^moraine: kept \S+: its copy folder-3\/file-13\.txt is missing$/m);
  assert.match(stderr, /^moraine: kept 3 archives, whose copies are missing, changed or could not be read$/m);
  assert.deepEqual(await descriptions("verified"), [11, 12, 13, 14, 7].map(pathOfNumber));
  // The manifest alone is no proof, unless the user says so.
  const trusted = await here.run([...line, "--trust-manifest", "--yes", "--delete-vault"]);
  assert.equal(trusted.code, 4);
  assert.match(trusted.stdout, /^Deleted 3 archives /m);
  assert.match(trusted.stderr, /^moraine: the vault was not deleted: it has 2 archives that were not to be deleted/m);
  assert.deepEqual(await descriptions("verified"), [14, 7].map(pathOfNumber));
});

test("refuses what the vault's lock protects, with the date from which it is allowed", async () => {
  await filled("locked", 4);
  const Statement = {
    Sid: "keep-a-year",
    Effect: "Deny",
    Principal: "*",
    Action: "glacier:DeleteArchive",
    Resource: `arn:aws:glacier:${region}:123456789012:vaults/locked`,
    Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "36500" } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
  const body = Buffer.from(JSON.stringify({ Policy }));
  await http.demand({ method: "POST", path: "/-/vaults/locked/lock-policy", body });
  const year = new Date().getUTCFullYear() + 99;
  const message = new RegExp(
    `^4 archives are protected by the vault's lock: deletion is allowed from (${year}|${year + 1})-`,
    "m",
  );
  assert.match(await here.done(lineFor("locked")), message);
  const { code, stderr, stdout } = await here.run(lineFor("locked", "--yes"));
  assert.deepEqual([code, stdout], [5, "Deleted 0 archives (0 bytes) of vault locked.\n"]);
  assert.match(stderr, /^moraine: 4 archives are protected by the vault's lock/m);
  assert.deepEqual(deletions("locked"), [], "nothing is tried that the lock denies");
});

test("names what was uploaded since the inventory, and does not delete it", async () => {
  await filled("grown", 3);
  await http.uploadArchive("grown", Buffer.from("late"), "a late one");
  const line = lineFor("grown", "--yes", "--delete-vault");
  const emptied = await here.run(line);
  assert.deepEqual([emptied.code, emptied.stdout], [75, "Deleted 3 archives (33 bytes) of vault grown.\n"]);
  await advance(25);
  assert.match(
    await here.done(lineFor("grown")),
    /^The vault has 1 archive as of .*, more than the catalogue\. The others stay;/m,
  );
  await here.refused(line, 75, /Job \S+ is not ready|in progress/);
  await advance(5);
  const { code, stderr } = await here.run(line);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^moraine: not deleted: \S{138} a late one$/m);
  assert.match(
    stderr,
    /^moraine: Vault grown has 1 archive that the catalogue does not have; nothing of that was deleted$/m,
  );
  assert.deepEqual(await descriptions("grown"), ["a late one"]);
});

test("archives that are added to the catalogue while others are deleted stay", async () => {
  // The service does not have them any more. The catalogue is read in pages, so some of it is read after the first deletion.
  const [first] = await filled("added", 1);
  assert.ok(first);
  const count = 2500;
  const gone = Array.from({ length: count }, (_, number) => ({
    ...first,
    ArchiveId: String(number).padStart(138, "A"),
    ArchiveDescription: pathOfNumber(number),
  }));
  const late = { ...first, ArchiveDescription: "late", CreationDate: "2099-01-01T00:00:00Z" };
  await writeCatalog(catalogOf("of-gone"), { url: proxy.url, vault: "added" }, gone, new Date());
  proxy.change = ({ method }) => {
    if (method === "DELETE" && deletions("added").length === 5) {
      recordUpload(catalogOf("of-gone"), { url: proxy.url, vault: "added" }, late);
    }
    return undefined;
  };
  const line = ["vault", "empty", "added", "--catalog", catalogOf("of-gone"), "--yes", "--delete-vault"];
  const { code, stdout, stderr } = await here.run(line);
  assert.equal(code, 4, stderr);
  assert.match(stdout, new RegExp(`^Deleted ${count} archives .*; ${count} of them did not exist any more`));
  assert.match(stderr, /^moraine: the vault was not deleted: it has 1 archive that was not to be deleted/m);
  assert.deepEqual(await descriptions("added"), [first.ArchiveDescription]);
});

test("outlasts throttling, and takes an archive that vanished for a deleted one", async () => {
  const entries = await filled("throttled", 60);
  await http.deleteArchive("throttled", entries[0]?.ArchiveId ?? "");
  let count = 0;
  const throttled = { refusal: { status: 400, code: "ThrottlingException", message: "Rate exceeded" } };
  const missing = {
    refusal: { status: 404, code: "ResourceNotFoundException", message: "The archive ID was not found" },
  };
  proxy.change = ({ method, path }) => {
    if (method !== "DELETE" || !path.includes("/archives/")) {
      return undefined;
    }
    count += 1;
    return path.endsWith(entries[1]?.ArchiveId ?? "") ? missing : count === 20 ? throttled : undefined;
  };
  const { code, stdout, stderr } = await here.run(lineFor("throttled", "--yes"));
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^moraine: No verified copy is known of 60 archives \(.*\): lost .*\nmoraine: a request failed and is repeated: Rate exceeded \(ThrottlingException\)\n$/,
  );
  assert.match(stdout, /^Deleted 60 archives \(.*\) of vault throttled; 1 of them did not exist any more\.$/m);
  assert.deepEqual(await descriptions("throttled"), [pathOfNumberOf(entries[1])]);
});

const pathOfNumberOf = (entry: { readonly ArchiveDescription: string } | undefined) => entry?.ArchiveDescription ?? "";

test("understands that AWS closes the API after the last archive, and stops when all deletions are denied", async () => {
  await filled("closed", 3);
  const closed = {
    refusal: { status: 400, code: "NoLongerSupportedException", message: "This API is no longer supported" },
  };
  proxy.change = ({ method, path }) => (method === "DELETE" && path.endsWith("/vaults/closed") ? closed : undefined);
  const line = lineFor("closed", "--yes", "--delete-vault");
  const { code, stdout: shown, stderr } = await here.run(line);
  assert.equal(code, 0, stderr);
  assert.match(shown, /^Deleted 3 archives .*\nAWS has closed this API to the account, .*: nothing is left to do\.$/m);
  proxy.change = () => closed;
  assert.match(await here.done(line), /^Vault closed does not exist any more\.$/m);

  // The response to the last deletion is lost, and the same request is refused because no archive is left.
  proxy.change = () => undefined;
  await filled("lost", 90);
  const last = () => deletions("lost").length >= 90;
  proxy.change = ({ method }) => (method === "DELETE" && last() ? closed : undefined);
  assert.match(
    (await here.run(lineFor("lost", "--yes"))).stdout,
    /^Deleted [78]\d archives .*\nAWS has closed this API/m,
  );
  proxy.change = () => closed;
  assert.match(await here.done(lineFor("lost")), /^Vault lost does not exist any more\.$/m);
  await writeCatalog(catalogOf("other"), { url: proxy.url, vault: "other" }, [], new Date());
  await here.refused(
    lineFor("other", "--yes"),
    1,
    /NoLongerSupportedException\)\nmoraine: AWS has closed this API to the account/,
  );

  proxy.change = () => undefined;
  await filled("denied", 70);
  const denied = { refusal: { status: 403, code: "AccessDeniedException", message: "not authorized" } };
  proxy.change = ({ method }) => (method === "DELETE" ? denied : undefined);
  await here.refused(lineFor("denied", "--yes"), 5, /^moraine: not authorized \(AccessDeniedException\)$/m);
  assert.ok(deletions("denied").length < 70);
});

test("refuses options that do not fit together", async () => {
  await here.refused(lineFor("shown", "--trust-manifest"), 2, /--trust-manifest needs --only-verified MANIFEST/);
  await here.refused(lineFor("shown", "--wait"), 2, /--wait needs --delete-vault/);
  await here.refused(lineFor("shown", "--concurrency", "0"), 2, /Invalid --concurrency 0: expected 1 to 256/);
  await here.refused(lineFor("shown", "--only-verified", "nowhere"), 2, /cannot read the manifest nowhere: ENOENT/);
  await writeFile(join(folder.path, "list.txt"), "");
  await here.refused(
    lineFor("shown", "--only-verified", "list.txt"),
    2,
    /list\.txt is not named MANIFEST\.jsonl: name the target that has its copies with --target/,
  );
});
