import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { asRoot, ShellHere } from "./support/command.ts";
import { fillVault, writeCatalog } from "./support/emptying-rig.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, type ServerProcess, startServer } from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// The plan of leaving a vault, as the command shows it, against a real server.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let proxy: WatchingProxy;
let here: ShellHere;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  proxy = await WatchingProxy.start(server.url);
  here = new ShellHere(folder.path);
  const environment = { AWS_ENDPOINT_URL_GLACIER: proxy.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  Object.assign(process.env, environment, asRoot);
  await fillVault(http, "photos", 30);
  await http.uploadArchive("photos", Buffer.alloc(100_000), "../../escape");
  await http.uploadArchive("photos", Buffer.from("twin"), "FOLDER-0/file-0.txt");
  const entries = await http.inventory("photos");
  await writeCatalog(join(folder.path, "catalog"), { url: proxy.url, vault: "photos" }, entries, new Date());
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const line = ["plan", "photos", "--catalog", "catalog"];

test("without a catalogue, plans from the service's counts and requests nothing that is paid for", async () => {
  const passed = proxy.passed.length;
  const shown = await here.done(["plan", "photos", "--catalog", "another"]);
  assert.match(shown, /^archives +32$/m);
  assert.match(shown, /^size +98\.\d KiB \(/m);
  assert.match(shown, /^This starts an inventory:\n {2}moraine catalog import photos --start$/m);
  assert.match(shown, /^cost if this were AWS in us-east-1; this service charges what its operator says$/m);
  assert.deepEqual(
    proxy.passed.slice(passed).map(({ method, path }) => [method, path]),
    [["GET", "/-/vaults/photos"]],
  );
});

test("plans from the catalogue: sizes, names, money, time, and room at the target", async () => {
  const more = [
    "--target",
    join(folder.path, "new/folder"),
    "--bandwidth",
    "1MiB",
    "--max-retrieval-per-hour",
    "50000",
  ];
  const shown = await here.done([...line, ...more]);
  assert.match(shown, /^largest +97\.7 KiB$/m);
  assert.match(shown, /^ {2}< 1 KiB +31 +\d+ B {2}█+$/m);
  assert.match(shown, /^names: text 32\n {2}1 with the name of another archive: .*\n {4}"F?f?OLDER-0/im);
  assert.match(shown, /^ {2}1 with a name that is no safe path: it is made one\n {4}"\.\.\/\.\.\/escape"$/m);
  assert.match(shown, /^ {2}Bulk: 2 hours \d+ minutes?, limited by --max-retrieval-per-hour$/m);
  assert.match(shown, /^ {2}larger than --max-retrieval-per-hour: 1 archive, 97\.7 KiB;$/m);
  assert.match(shown, /^needed +[12]\d\d KiB\nfree +[\d.]+ [KMGT]iB$/m);
});

test("fits on a terminal of 40 columns", async () => {
  const shown = await here.done(line, { onTerminal: 40 });
  const wide = shown.split("\n").filter((text) => text.includes("█") && text.length > 40);
  assert.deepEqual(wide, []);
  assert.match(shown, /^TIER +TOTAL$/m);
});

test("takes its own prices back from a file, and names what is wrong in one", async () => {
  const { prices, tiers } = JSON.parse(await here.done([...line, "--json"]));
  prices.regions["us-east-1"].retrieval.Bulk.perThousandRequests = 1000;
  await writeFile(join(folder.path, "prices.json"), JSON.stringify(prices));
  const changed = JSON.parse(await here.done([...line, "--json", "--prices", "prices.json"]));
  const requestsOf = (plan: readonly { tier: string; requestsUsd: number }[]) =>
    plan.find(({ tier }) => tier === "Bulk")?.requestsUsd;
  assert.deepEqual([requestsOf(tiers), requestsOf(changed.tiers)], [0.0008, 32]);

  const refused = async (content: string, message: RegExp) => {
    await writeFile(join(folder.path, "wrong.json"), content);
    await here.refused([...line, "--prices", "wrong.json"], 2, message);
  };
  await refused("{", /^moraine: wrong\.json:1:2: expected a key in double quotes or }, found the end$/m);
  await refused("[]", /^moraine: Invalid price table: expected an object, found \[\]$/m);
  await here.refused([...line, "--prices", "nowhere.json"], 2, /cannot read nowhere\.json/);
});

test("plans without prices in a region that the table lacks, and takes them from the table that it wrote", async () => {
  const { prices } = JSON.parse(await here.done([...line, "--json"]));
  const elsewhere = { ...prices, regions: { "eu-west-9": prices.regions["us-east-1"] } };
  await writeFile(join(folder.path, "elsewhere.json"), JSON.stringify(elsewhere));
  const shown = await here.done([...line, "--prices", "elsewhere.json"]);
  assert.match(shown, /^archives +32$/m);
  assert.match(shown, /^cost: unknown, since the price table has no region us-east-1 /m);
  const plan = JSON.parse(await here.done([...line, "--json", "--prices", "elsewhere.json"]));
  assert.deepEqual([plan.egressUsd, plan.tiers[0].totalUsd, plan.prices], [null, null, elsewhere]);

  plan.prices.regions["us-east-1"] = prices.regions["us-east-1"];
  await writeFile(join(folder.path, "added.json"), JSON.stringify(plan.prices));
  assert.match(await here.done([...line, "--prices", "added.json"]), /^cost if this were AWS in us-east-1/m);
});

test("a rescue without an inventory asks with the price of one for the archives that the service counts", async () => {
  const { prices } = JSON.parse(await here.done([...line, "--json"]));
  prices.regions["us-east-1"].egress = [{ upToGb: null, perGb: 1_000_000 }];
  await writeFile(join(folder.path, "dear.json"), JSON.stringify(prices));
  const rescue = ["rescue", "photos", "elsewhere", "--catalog", "empty", "--prices", "dear.json"];
  const { code, stderr } = await here.run(rescue, { input: "no\n", isAnswered: true });
  assert.equal(code, 1);
  const usd = 32 * 420 * (1_000_000 / 1024 ** 3);
  assert.match(stderr, new RegExp(`one is started, which costs \\$${usd.toFixed(2)} at most and takes hours`));

  await writeFile(
    join(folder.path, "far.json"),
    JSON.stringify({ ...prices, regions: { far: prices.regions["us-east-1"] } }),
  );
  const unknown = await here.run([...rescue.slice(0, -1), "far.json"], { input: "no\n", isAnswered: true });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /one is started, which costs an unknown amount and takes hours/);
});
