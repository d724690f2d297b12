import assert from "node:assert/strict";
import { appendFile, chmod, cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Finding, FindingCode } from "../packages/server/src/verify/finding.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { Shell } from "./support/command.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { fill, ids } from "./support/verify/filled-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// `moraine verify` of the second copies.

const mebibyte = 1024 ** 2;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let mirror: string;
before(async () => {
  folder = await temporaryFolder();
  [data, mirror] = [join(folder.path, "data"), join(folder.path, "mirror")];
  const flags = ["--inventory-delay", "0", "--mirror", mirror];
  await using server = await startServer({ dataFolder: data, flags });
  const http = new GlacierHttp(server.url);
  await fill(http);
  http.close();
  assert.deepEqual(await findingsIn(data, "deep", null, mirror), []);
  await server.stop();
});
after(() => folder[Symbol.asyncDispose]());

async function inFile(file: string, change: (file: string) => Promise<unknown>): Promise<void> {
  await chmod(file, 0o600);
  await change(file);
  await chmod(file, 0o400);
}

const subjectsOf = (findings: readonly Finding[]) =>
  findings.map(({ code, archive, job, upload }) => [code, archive ?? upload ?? job]);

test("sound copies have no findings, and nothing is changed", async () => {
  const states = [await stateOf(data), await stateOf(mirror)];
  assert.deepEqual(await findingsIn(data, "quick", null, mirror), []);
  assert.deepEqual(await findingsIn(data, "deep", null, mirror), []);
  assert.deepEqual([await stateOf(data), await stateOf(mirror)], states);
});

type Damage = readonly [string, FindingCode, "quick" | "deep", (path: string) => Promise<unknown>, () => string];
const damages: readonly Damage[] = [
  ["a file is missing", "mirror-missing", "quick", async (path) => rm(await fileOf(path, ids.parts)), () => ids.parts],
  [
    "a file is longer",
    "mirror-segment",
    "quick",
    async (path) => inFile(await fileOf(path, ids.single), (file) => appendFile(file, "x")),
    () => ids.single,
  ],
  [
    "a footer is damaged",
    "mirror-segment",
    "quick",
    async (path) => inFile(await fileOf(path, ids.single), (file) => flipBit(file, 2 * mebibyte + 40)),
    () => ids.single,
  ],
  [
    "two files changed places",
    "mirror-segment",
    "quick",
    async (path) => {
      const to = await fileOf(path, ids.other);
      await inFile(to, async () => cp(await fileOf(path, ids.single), to));
    },
    () => ids.other,
  ],
  [
    "a bit of the last MiB is flipped",
    "mirror-segment",
    "deep",
    async (path) => inFile(await fileOf(path, ids.single), (file) => flipBit(file, 2 * mebibyte + 1)),
    () => ids.single,
  ],
  [
    "a bit of an inventory is flipped",
    "mirror-segment",
    "deep",
    async (path) => inFile(await fileOf(path, ids.job), (file) => flipBit(file, 10)),
    () => ids.job,
  ],
];

for (const [what, code, level, damage, owner] of damages) {
  test(`named in the mirror: ${what}`, async () => {
    await using place = await temporaryFolder();
    const path = join(place.path, "mirror");
    await copyOf(mirror, path);
    await damage(path);
    for (const tried of ["quick", "deep"] as const) {
      const expected = level === "deep" && tried === "quick" ? [] : [[code, owner()]];
      assert.deepEqual(subjectsOf(await findingsIn(data, tried, null, path)), expected, tried);
    }
  });
}

test("damage of the data folder is not laid to the mirror", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(data, path);
  await rm(await fileOf(path, ids.single));
  assert.deepEqual(subjectsOf(await findingsIn(path, "deep", null, mirror)), [["segment-missing", ids.single]]);
});

test("the command reads the mirror of --mirror or MORAINE_MIRROR, and says so when it read none", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "mirror");
  await copyOf(mirror, path);
  const shell = new Shell(place.path, {});
  const unread = await shell.run(["verify", "--data", data]);
  assert.deepEqual([unread.code, unread.stdout.includes("the mirror was not read: give --mirror DIR")], [0, true]);
  const sound = await shell.run(["verify", "--data", data, "--mirror", path]);
  assert.deepEqual([sound.code, sound.stdout.includes("the copies in the mirror were checked")], [0, true]);
  await rm(await fileOf(path, ids.single));
  const environment = { MORAINE_MIRROR: path, MORAINE_DATA: data };
  const { code, stdout } = await shell.run(["verify", "--json"], { environment });
  const [finding, summary] = stdout.split("\n").map((line) => (line === "" ? null : JSON.parse(line)));
  assert.deepEqual([code, finding.code, finding.archive, summary.mirror], [1, "mirror-missing", ids.single, "read"]);
});

test("a folder that is not the mirror cannot be checked", async () => {
  await using place = await temporaryFolder();
  const shell = new Shell(place.path, {});
  const refusals: ReadonlyArray<[string, RegExp]> = [
    [join(place.path, "none"), /The mirror .* cannot be opened: ENOENT/],
    [place.path, /is not the mirror of .*: it has no mirror\.json, so mount its disk/],
  ];
  const refused = async (path: string, message: RegExp) => {
    const { code, stdout, stderr } = await shell.run(["verify", "--data", data, "--mirror", path]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  };
  for (const [path, message] of refusals) {
    await refused(path, message);
  }
  await writeFile(join(place.path, "mirror.json"), '{"id":"00000000-0000-0000-0000-000000000000"}\n');
  await refused(place.path, /it belongs to another data folder/);
});
