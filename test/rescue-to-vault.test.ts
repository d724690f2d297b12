import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { asRoot } from "./support/command.ts";
import { sha256Of } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { type ManifestEntry, manifestOf, RescueRig, vault } from "./support/rescue-rig.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";

// A whole vault, rescued from one service into a vault of another.

const archives = 40;
const mebibyte = 1024 ** 2;
const targetVault = "kept";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let other: ServerProcess;
let http: GlacierHttp;
let rig: RescueRig;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  other = await startServer({ dataFolder: join(folder.path, "other"), flags: ["--allow-faults"] });
  http = new GlacierHttp(other.url);
  rig = await RescueRig.start({
    ...{ archives, seed: 4, flags: ["--allow-faults"], largeBytes: [20 * mebibyte + 1], parent: memoryFolder },
    target: `vault:${targetVault}@${other.url}`,
  });
});
after(async () => {
  http?.close();
  await Promise.all([rig, other].map((each) => each?.[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});

test("a vault is rescued into another service's, through kills and lost responses, each archive once", async () => {
  // Nothing verifies the bytes of an inventory.
  await rig.shell.done(["catalog", "import", vault, "--start"], { environment: asRoot });
  for (const rule of [
    { Mode: "unavailable", Rate: 0.05 },
    { Mode: "reset", Operation: "UploadArchive", Rate: 0.1 },
    { Mode: "reset", Operation: "UploadMultipartPart", Rate: 0.1 },
    { Mode: "throttle", Operation: "CompleteMultipartUpload", Rate: 0.2 },
  ]) {
    await http.admin("POST", "/faults", rule);
  }
  await rig.putFault({ Mode: "corrupt-byte", Operation: "GetJobOutput", Rate: 0.05 });
  for (const milliseconds of [1500, 2000, 2500]) {
    await rig.killedAfter(milliseconds, ["--bwlimit", "2MiB"]);
  }
  assert.ok((await manifestEntries()).length < rig.contents.size, "it was killed before its end");
  const { code, stderr } = await rig.rescue();
  assert.equal(code, 0, stderr);
  await http.admin("DELETE", "/faults");
  await rig.http.admin("DELETE", "/faults");
});

test("the manifest has the id of each copy, whose bytes and tree hash are the archive's", async () => {
  const entries = await manifestEntries();
  assert.equal(entries.length, rig.contents.size);
  assert.deepEqual(new Set(entries.map(({ archiveId }) => archiveId)), new Set(rig.contents.keys()));
  const sizes = new Map(entries.map(({ location, bytes, treeHash }) => [location, { bytes, treeHash }]));
  const listed = await http.inventory(targetVault);
  const found = new Map(
    listed.map(({ ArchiveId, Size, SHA256TreeHash }) => [ArchiveId, { bytes: Size, treeHash: SHA256TreeHash }]),
  );
  assert.deepEqual(found, sizes, "the vault has the copies, and nothing else");
  for (const { archiveId, location = "" } of entries) {
    assert.equal(sha256Of(await http.retrieve(targetVault, location)), rig.contents.get(archiveId), archiveId);
  }
});

test("the check compares the vault with the manifest, and tells a copy that was deleted", async () => {
  const check = () => rig.shell.run(["rescue", "--check", rig.target], { environment: asRoot });
  const sound = await check();
  assert.equal(sound.code, 0, sound.stdout + sound.stderr);
  const [{ location = "" } = {} as ManifestEntry] = await manifestEntries();
  await http.deleteArchive(targetVault, location);
  const { code, stdout } = await check();
  assert.equal(code, 4);
  assert.match(stdout, /^missing +/m);
});

/** The documents of a rescue into a vault lie on this machine. */
async function manifestEntries(): Promise<ManifestEntry[]> {
  const names = await readdir(rig.folder, { recursive: true });
  const manifest = names.find((name) => name.endsWith("MANIFEST.jsonl"));
  if (manifest === undefined) {
    return [];
  }
  return manifestOf(await readFile(join(rig.folder, manifest), "utf8"));
}
