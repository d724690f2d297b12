import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { asRoot, moraineCommand, Shell, ShellHere } from "./support/command.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, repositoryRoot, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The command's output and effect, apart from transfers, against a real server.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
/** Processes of their own, and the same without. */
let apart: Shell;
let shell: Shell;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({
    dataFolder: join(folder.path, "data"),
    flags: ["--allow-faults", "--fault", "dash-ids"],
  });
  const service = { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region };
  apart = new Shell(folder.path, service);
  shell = new ShellHere(folder.path);
  Object.assign(process.env, service, asRoot, { XDG_STATE_HOME: folder.path });
  http = new GlacierHttp(server.url);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test("a vault is made, shown, listed and deleted, and with --dry-run nothing happens", async () => {
  assert.equal(await shell.done(["vault", "create", "photos", "--dry-run"]), "Would create vault photos.\n");
  assert.equal(await shell.done(["vault", "list", "--quiet"]), "");
  assert.equal(await shell.done(["vault", "create", "photos"]), "Created vault photos.\n");
  assert.equal(await shell.done(["vault", "create", "photos"]), "Vault photos already exists.\n");
  assert.match(await shell.done(["vault", "list"]), /^VAULT {3}ARCHIVES {2}SIZE .*\nphotos {2}0 {9}0 bytes {2}0 /);
  assert.match(await shell.done(["vault", "describe", "photos"]), /^vault {6}photos\narn .*vaults\/photos\ncreated/);
  const { VaultName } = JSON.parse(await shell.done(["--json", "vault", "describe", "photos"]));
  assert.equal(VaultName, "photos");
  const dry = JSON.parse(await shell.done(["vault", "delete", "photos", "--dry-run", "--json"]));
  assert.deepEqual(dry, { dryRun: true, would: "delete vault photos, if it is empty" });
  assert.equal(await shell.done(["vault", "list", "--quiet"]), "photos\n");
  assert.equal(await shell.done(["vault", "delete", "photos", "--quiet"]), "");
  await shell.refused(
    ["vault", "describe", "photos"],
    3,
    /^moraine: Vault not found .*\(ResourceNotFoundException\)\nmoraine: See moraine vault list/,
  );
  await shell.refused(["vault", "delete", "photos"], 3, /^moraine: Vault not found/);
});

test("ids that begin with a dash work wherever they stand, and also come from files and standard input", async () => {
  await http.createVault("dashed");
  const content = join(folder.path, "content");
  await writeFile(content, "some bytes");
  const [one, two] = [
    (await apart.done(["upload", "dashed", "content", "--quiet"])).trim(),
    (await apart.done(["--quiet", "upload", "--description", "-d", "dashed", "content"])).trim(),
  ];
  assert.match(one, /^-[\w-]{137}$/);
  const job = (await apart.done(["job", "start", "dashed", one, "--quiet"])).trim();
  assert.match(job, /^-[\w-]{91}$/);
  await writeFile(join(folder.path, "job"), `${job}\n`);
  await apart.done(["job", "wait", "--quiet", "dashed", job]);
  assert.match(await apart.done(["job", "describe", "dashed", "@job"]), new RegExp(`^archive {4}${one}$`, "m"));
  assert.equal(await apart.done(["job", "output", "dashed", "-", "-o", "-"], { input: job }), "some bytes");
  await apart.refused(["job", "describe", "dashed", "-"], 2, /must contain one id, but has 2 words/, { input: "a b" });
  await apart.refused(["job", "describe", "dashed", "@none"], 2, /cannot read none: ENOENT/);
  assert.equal(await apart.done(["archive", "delete", "dashed", one]), `Deleted archive ${one}.\n`);
  assert.equal(await apart.done(["archive", "delete", "--", "dashed", two]), `Deleted archive ${two}.\n`);
  assert.deepEqual(await http.inventory("dashed"), []);
});

test("uploads are listed and aborted, and a vault may have the name of a command", async () => {
  await http.createVault("list");
  await writeFile(join(folder.path, "small"), "small");
  const archive = (await shell.done(["upload", "to", "list", "small", "--quiet"])).trim();
  assert.equal((await http.inventory("list"))[0]?.ArchiveId, archive);
  const begun = await http.demand({
    method: "POST",
    path: "/-/vaults/list/multipart-uploads",
    headers: { "x-amz-part-size": String(1024 ** 2), "x-amz-archive-description": "begun" },
  });
  const upload = String(begun.headers["x-amz-multipart-upload-id"]);
  assert.match(
    await shell.done(["upload", "list", "list"]),
    new RegExp(`^CREATED .*\\n\\S+ {2}1\\.0 MiB {4}${upload} {2}begun\\n$`),
  );
  assert.match(await shell.done(["upload", "abort", "list", upload, "--dry-run"]), /^Would abort upload/);
  assert.equal(await shell.done(["upload", "list", "list", "--quiet"]), `${upload}\n`);
  assert.equal(await shell.done(["upload", "abort", "list", upload]), `Aborted upload ${upload}.\n`);
  assert.equal(await shell.done(["upload", "list", "list", "--quiet"]), "");
});

test("an inventory comes as a table, as ids, or as the service has it", async () => {
  await http.createVault("listed");
  const ids = [
    await http.uploadArchive("listed", Buffer.from("one"), 'a "b", c'),
    await http.uploadArchive("listed", Buffer.from("seven77"), ""),
  ];
  assert.deepEqual(
    (await shell.done(["inventory", "listed", "--quiet"])).trim().split("\n").toSorted(),
    ids.toSorted(),
  );
  const [asOf, head, ...rows] = (await shell.done(["inventory", "listed"])).trimEnd().split("\n");
  assert.match(asOf ?? "", /^As of 20\d\d-.*Z$/);
  assert.match(head ?? "", /^CREATED +BYTES +ARCHIVE +DESCRIPTION$/);
  assert.match(rows.join("\n"), new RegExp(`^\\S+Z +3 {2}${ids[0]} {2}a "b", c$`, "m"));
  assert.match(rows.join("\n"), new RegExp(`^\\S+Z +7 {2}${ids[1]}$`, "m"));
  const { stdout } = await shell.run(["inventory", "listed", "--json"]);
  assert.equal(JSON.parse(stdout).ArchiveList.length, 2);
  assert.match(
    await shell.done(["inventory", "listed", "--format", "csv", "-o", "listed.csv"]),
    /^verified {3}by its size/m,
  );
});

test("tree hashes are printed as sha256sum prints its own, of files and of pipes", async () => {
  await writeFile(join(folder.path, "a\nb"), "");
  await writeFile(join(folder.path, "-a-file-that-could-be-an-id"), "A");
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const three = "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd";
  assert.equal(await apart.done(["treehash", "-", "a\nb"], { input: "A" }), `${three}  -\n\\${empty}  a\\nb\n`);
  assert.equal(
    await shell.done(["treehash", "-a-file-that-could-be-an-id", "--json", "--quiet"]),
    `${JSON.stringify([{ file: "-a-file-that-could-be-an-id", sizeBytes: 1, treeHash: three }], null, 2)}\n`,
  );
  await shell.refused(["treehash", "missing"], 2, /^moraine: cannot read missing: ENOENT/);
});

test("relative paths count from the current folder, wherever an npm script was started", async () => {
  const [current, start] = [join(folder.path, "current"), join(folder.path, "start")];
  await Promise.all([mkdir(current), mkdir(start)]);
  await writeFile(join(current, "file"), "A");
  await writeFile(join(start, "file"), "another");
  const environment = { ...asRoot, INIT_CWD: start };
  assert.match(await apart.done(["treehash", "file"], { cwd: current, environment }), /^559aead0/);
});

test("--dry-run says what a retrieval would take, and starts nothing", async () => {
  await http.createVault("dry");
  const id = await http.uploadArchive("dry", Buffer.from("dry bytes"), "");
  const retrieve = ["retrieve", "dry", id, "-o", "dry-file", "--tier", "Bulk", "--dry-run"];
  assert.match(
    await shell.done(retrieve),
    /^Would start a Bulk job, then download .* of unknown size \(see the inventory\)/,
  );
  assert.match(await shell.done(["job", "start", "dry", id, "--dry-run"]), /^Would start a Standard job for archive -/);
  assert.equal(await shell.done(["job", "list", "dry", "--quiet"]), "");
  const jobId = await http.initiateJob("dry", { Type: "archive-retrieval", ArchiveId: id });
  await http.jobSucceeded("dry", jobId);
  const { would, ...facts } = JSON.parse(await shell.done([...retrieve, "--json"]));
  assert.deepEqual(facts, { dryRun: true, sizeBytes: 9, tier: "Standard", jobId });
  assert.match(would, /^reuse the existing Standard job \(done: /);
});

describe("a failure has an exit code and says what to do", () => {
  test("2 for what cannot be understood", async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["vault", /Usage: moraine vault/],
      ["nonsense", /unknown command 'nonsense'/],
      ["upload v", /missing required argument 'file'/],
      ["upload v f --part-size 64M", /Expected a number of bytes, or a size like 64MiB/],
      ["upload v f --bwlimit 0", /Expected more than 0/],
      ["upload v f --concurrency 0", /Expected 1 or more/],
      ["upload v nowhere/file", /cannot read nowhere\/file: ENOENT/],
      ["upload v data", /data is a folder; to upload it as one archive: tar c data \|/],
      ["upload v small --part-size 3MiB", /Invalid part size 3145728: expected 1 MiB times a power of two/],
      ["retrieve v a", /Missing output: name a file with -o FILE, or add --verify-only/],
      ["retrieve v a -o x --tier Slow", /Allowed choices are Standard, Bulk, Expedited/],
      ["retrieve v a -o no-such-folder/x", /There is no folder .*no-such-folder/],
      ["retrieve v a -o x --verify-only", /'--verify-only' cannot be used with option '-o, --output <file>'/],
      ["job output v j -o x --range-size 3MiB", /Expected 1MiB times a power of two/],
      ["job output v j", /Missing output/],
      ["retrieve v a -o /dev/null --force", /\/dev\/null is a character device, not a regular file\n.*--verify-only/],
      ["job output v j -o x --range 9-1", /Expected a range like 0-1048575/],
      ["job output v j -o x --tree-hash abc", /Expected 64 hexadecimal digits/],
      ["job start v", /give either an archive's id or --inventory/],
      ["job start v a --format csv", /--format is for jobs of an inventory/],
      ["job start v --inventory --from yesterday", /Expected a date like 2026-01-31/],
      ["vault list --account 12 --region us-east-1", /Invalid account "12": expected twelve digits/],
      ["vault list --endpoint ftp://x --region us-east-1", /Invalid endpoint .*: expected a URL/],
      ["--dry-run admin users create bob", /admin commands do not take --dry-run or --account/],
      ["vault describe -an-unknown-option-of-some-length extra", /too many arguments/],
    ];
    for (const [line, message] of wrong) {
      const { code, stdout, stderr } = await shell.run(line.split(" "));
      assert.equal(code, 2, `${line}: ${stderr}`);
      assert.equal(stdout, "", line);
      assert.match(stderr, message, line);
      assert.ok(!stderr.includes("\0"), line);
    }
  });

  test("1 when nobody answers, and without credentials; 5 with wrong ones", async () => {
    await apart.refused(["vault", "list"], 1, /Could not load credentials.*\nmoraine: Set AWS_ACCESS_KEY_ID/, {
      environment: {},
    });
    await apart.refused(
      ["vault", "list"],
      5,
      /^moraine: The request signature we calculated .* for details\. \(InvalidSignatureException\)\nmoraine: Check the secret key/,
      {
        environment: { AWS_ACCESS_KEY_ID: "AKIAMORAINETESTS0001", AWS_SECRET_ACCESS_KEY: "wrong" },
      },
    );
  });

  test("75 while a job is under way", async () => {
    await using later = await startServer({
      dataFolder: join(folder.path, "later"),
      flags: ["--clock", "manual", "--profile", "aws"],
    });
    const waiting = new GlacierHttp(later.url);
    await waiting.createVault("slow");
    const archive = await waiting.uploadArchive("slow", Buffer.from("x"), "");
    waiting.close();
    const at = ["--endpoint", later.url];
    await shell.refused(
      ["retrieve", "slow", archive, "-o", "late", "--wait", "0", ...at],
      75,
      /^moraine: Job \S+ is still in progress; wait for it.*\nmoraine: Run the same command again to resume\.\n/,
    );
    const jobs = (await shell.done(["job", "list", "slow", "--status", "InProgress", "--quiet", ...at])).trim();
    assert.match(jobs, /^[\w-]{92}$/);
    await shell.refused(["job", "output", "slow", jobs, "-o", "late", ...at], 75, /still in progress/);
  });
});

test("advice fits what was not found, and what is in the way", async () => {
  await http.createVault("advised");
  const id = "A".repeat(92);
  const advised: readonly (readonly [string, number, RegExp])[] = [
    ["policy get advised", 3, /\nmoraine: Set one with moraine policy set/],
    ["lock get advised", 3, /\nmoraine: Put one on trial with moraine lock initiate/],
    ["notifications get advised", 3, /\nmoraine: Set a topic with moraine notifications set/],
    [`job describe advised ${id}`, 3, /\nmoraine: See moraine job list/],
    [`upload abort advised ${id}`, 3, /\nmoraine: See moraine upload list/],
    [`retrieve advised ${"A".repeat(138)} -o unknown`, 3, /\nmoraine: See moraine inventory/],
    ["upload nowhere small", 3, /\nmoraine: See moraine vault list/],
    ["vault create bad*name", 1, /\nmoraine: A vault's name has 1 to 255 letters/],
    [`vault list --retry-for 0 --endpoint ${server.url.replace("http", "https")}`, 69, /\nmoraine: .* write http:\/\//],
    ["policy set advised .", 2, /^moraine: cannot read \.: EISDIR[^\n]*\n$/],
  ];
  await writeFile(join(folder.path, "small"), "small");
  for (const [line, code, message] of advised) {
    await shell.refused(line.split(" "), code, message);
  }
});

test("a folder for the progress of uploads that cannot be written is named, with what to set", async () => {
  await writeFile(join(folder.path, "in-the-way"), "");
  const environment = { ...process.env, XDG_STATE_HOME: join(folder.path, "in-the-way") };
  const message =
    /^moraine: cannot record upload progress in \S+in-the-way\/moraine\/uploads: ENOTDIR.*; set XDG_STATE_HOME/;
  await shell.refused(["upload", "advised", "small"], 2, message, { environment });
});

test("every command has help, with an example that begins with its name", async () => {
  const names = ["vault list", "vault create", "vault describe", "vault delete", "upload", "upload list"];
  names.push("upload abort", "upload to", "retrieve", "inventory", "job start", "job list", "job describe");
  names.push("job wait", "job output", "archive delete", "treehash", "send", "fetch", "audit");
  for (const name of names) {
    const { code, stdout } = await shell.run([...name.split(" "), "--help"]);
    assert.equal(code, 0, name);
    const shown = name === "upload to" ? "upload" : name;
    assert.match(stdout, new RegExp(`Examples?:\\n(  .*\\n)*  (.*\\| )?moraine ${shown} `), name);
    assert.match(stdout, /Global Options:\n {2}--endpoint/, name);
  }
});

test("the command's own help has all commands, however it is asked for, and a name that is wrong gets the right one", async () => {
  const help = await apart.done(["--help"]);
  assert.match(help, /^Usage: moraine .*[\s\S]*Exit codes: 0 done/);
  const [, names = ""] = help.split("Commands:");
  assert.equal([...names.matchAll(/^ {2}[a-z-]+ \[options\]/gm)].length, 26);
  for (const args of [["help"], ["--help", "job"], ["--json", "-h", "vault", "list"]]) {
    assert.equal(await apart.done(args), help, args.join(" "));
  }
  await apart.refused(["uplod", "photos"], 2, /unknown command 'uplod'\n\(Did you mean upload\?\)/);
});

test("the version is the package's", async () => {
  const { version } = JSON.parse(await readFile(join(repositoryRoot, "packages/cli/package.json"), "utf8"));
  assert.equal(await apart.done(["--version"]), `${version}\n`);
});

test("an older Node is named, with the one that is needed", async () => {
  const older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })";
  const [node = "", ...rest] = moraineCommand;
  const command = [node, "--import", `data:text/javascript,${encodeURIComponent(older)}`, ...rest];
  await apart.refused(["vault", "list"], 1, /^moraine: needs Node 24, this is 20\.20\.2\n$/, { command });
});

test("a file's name may follow -o without a space, however long it is", async () => {
  await http.createVault("joined");
  const id = await http.uploadArchive("joined", Buffer.from("joined"), "");
  const name = "a-name-that-is-as-long-as-ids-may-be";
  assert.match(await shell.done(["retrieve", "joined", id, `-o${name}`]), new RegExp(`^file +${name}\n`));
});
