import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, afterEach, before, test } from "node:test";
import { type AdminInput, createAdminClient } from "@moraine/client/node";
import type { AuditAnchor, AuditEntryDescription } from "@moraine/protocol";
import { asRoot, Shell } from "./support/command.ts";
import { accountId, region, rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// How an operator reads the audit trail, keeps it elsewhere, and finds out that it was changed.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let number = 0;

before(async () => {
  folder = await temporaryFolder();
});
afterEach(() => server[Symbol.asyncDispose]());
after(() => folder[Symbol.asyncDispose]());

const pathOf = (name: string) => join(folder.path, name);
const linesOf = async (path: string) => (await readFile(path, "utf8").catch(() => "")).split("\n").slice(0, -1);
const parsed = <Value>(lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Value);

/** Starts a server over a folder of its own, or one of before. */
async function start(flags: readonly string[], name?: string): Promise<{ shell: Shell; dataFolder: string }> {
  number += 1;
  const dataFolder = pathOf(name ?? `data-${number}`);
  server = await startServer({ dataFolder, flags });
  const service = { MORAINE_ENDPOINT: server.url, AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region };
  return { shell: new Shell(folder.path, service), dataFolder };
}

const audit = (...args: string[]) => ["admin", "audit", ...args];

async function entries(filter: AdminInput<"ListAuditEntries"> = {}): Promise<readonly AuditEntryDescription[]> {
  const call = await createAdminClient({ endpoint: server.url, region, credentials: rootKey });
  return (await call("ListAuditEntries", filter)).AuditEntries;
}

async function warnings(): Promise<string> {
  const call = await createAdminClient({ endpoint: server.url, region, credentials: rootKey });
  return (await call("GetHealth", {})).Warnings.join("\n");
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `it took too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("the command shows, filters and follows the trail, as lines, JSON and CSV", async () => {
  const { shell } = await start([]);
  await shell.done(["vault", "create", "photos"]);
  await shell.done(["vault", "create", "music"]);
  const wrong = { environment: { ...asRoot, AWS_SECRET_ACCESS_KEY: "x".repeat(40) } };
  await shell.refused(["vault", "list"], 5, /signature/, wrong);
  await until("the attempt is recorded", async () => (await entries({ outcome: "unauthenticated" })).length === 1);

  const [attempt] = await entries({ outcome: "unauthenticated" });
  assert.equal(attempt?.AccessKeyId, rootKey.accessKeyId);
  assert.equal(attempt?.Reason, "InvalidSignatureException");
  const [created, ...others] = await entries({ vault: "photos" });
  assert.deepEqual(others, []);
  assert.equal(created?.Vault, `${accountId}/photos`);
  const count = async (filter: AdminInput<"ListAuditEntries">) => (await entries(filter)).length;
  assert.equal(await count({ vault: `${accountId}/music` }), 1);
  assert.equal(await count({ vault: "usic" }), 0);
  assert.equal(await count({ operation: "CreateVault", principal: "root" }), 2);
  assert.equal(await count({ account: "999999999999" }), 0);
  assert.deepEqual(
    (await entries()).map(({ Sequence }) => Sequence),
    [1, 2, 3, 4],
  );
  assert.equal(await count({ since: created?.Time ?? "", operation: "CreateVault" }), 2);
  assert.equal(await count({ until: created?.Time ?? "", operation: "CreateVault" }), 0);
  const recent = parsed<AuditEntryDescription>(
    (await shell.done(audit("--since", "1h", "--of-account", accountId, "--json"))).split("\n").slice(0, -1),
  );
  assert.deepEqual(recent, await entries({ account: accountId }));

  const readable = await shell.done(audit("--vault", "photos"));
  assert.match(
    readable,
    /^\S+Z {2}done {2}CreateVault {2}123456789012\/root {2}127\.0\.0\.1 {2}123456789012\/photos {2}- {2}the account's root\n$/,
  );
  const csv = (await shell.done(audit("--vault", "photos", "--csv"))).split("\n");
  assert.match(csv[0] ?? "", /^Sequence,Time,AccountId,Principal,/);
  assert.match(
    csv[1] ?? "",
    /^2,\S+Z,123456789012,root,AKIA\w+,127\.0\.0\.1,CreateVault,123456789012\/photos,,done,"the account's root",/,
  );

  await shell.refused(audit("--since", "yesterday"), 1, /Invalid since: yesterday\. It must be a time in ISO 8601/);
  await shell.refused(audit("--outcome", "fine"), 2, /Allowed choices are done, denied/);
  await shell.refused(audit("--anchor", "x"), 2, /are for --verify/);

  const follower = shell.start(audit("--vault", "later", "--follow", "--json"));
  const [line] = await Promise.all([
    once(follower.stdout ?? follower, "data"),
    shell.done(["vault", "create", "later"]),
  ]);
  assert.equal(parsed<AuditEntryDescription>([String(line)])[0]?.Vault, `${accountId}/later`);
  follower.kill("SIGINT");
  assert.deepEqual(await once(follower, "exit"), [null, "SIGINT"]);
});

test("the log has each entry once as a line, over a rotation and a restart", async () => {
  const log = pathOf("audit.log");
  const flags = ["--audit-log", log];
  const { shell } = await start(flags, "logged");
  await shell.done(["vault", "create", "one"]);
  await until("the log has the vault", async () => (await linesOf(log)).length === 2);
  assert.equal((await stat(log)).mode & 0o777, 0o600);

  await rename(log, `${log}.1`);
  server.signal("SIGUSR2");
  await shell.done(["vault", "create", "two"]);
  await until("the new file has the vault", async () => (await linesOf(log)).length === 1);
  await shell.done(["vault", "create", "three"]);
  await server.stop();
  const { shell: again } = await start(flags, "logged");
  await again.done(["vault", "create", "four"]);
  await server.stop();

  const logged = parsed<AuditEntryDescription>([...(await linesOf(`${log}.1`)), ...(await linesOf(log))]);
  // Each start notes the root's key that the environment gives.
  assert.deepEqual(
    logged.map(({ Operation }) => Operation),
    ["PutRootKey", "CreateVault", "CreateVault", "CreateVault", "PutRootKey", "CreateVault"],
  );
  await start([], "logged");
  assert.deepEqual((await entries()).slice(0, 6), logged);
});

test("a log that cannot be written loses nothing, stops nothing, and is warned of", async () => {
  const place = pathOf("logs");
  const log = join(place, "audit.log");
  const { shell } = await start(["--audit-log", log]);
  await shell.done(["vault", "create", "one"]);
  await until("health warns", async () => /writing the audit log .* fails: ENOENT/.test(await warnings()));
  await mkdir(place);
  await until("the log is written", async () => (await linesOf(log)).length === 2);
  await until("health is silent again", async () => !/audit log/.test(await warnings()));
  const { stderr } = await server.stop();
  assert.equal(stderr.match(/writing the audit log \S+ failed; tried again/g)?.length, 1);
  assert.match(stderr, /writing the audit log \S+ works again/);
});

test("--audit-log stdout writes the entries to standard output", async () => {
  const { shell } = await start(["--audit-log", "stdout"]);
  await shell.done(["vault", "create", "one"]);
  const { stdout } = await server.stop();
  assert.equal(
    parsed<AuditEntryDescription>(stdout.split("\n").filter((line) => line.startsWith("{"))).at(-1)?.Vault,
    `${accountId}/one`,
  );
});

test("anchors hold the trail; a trail that lost its end breaks them, on a server that runs and on one that is stopped", async () => {
  const anchors = pathOf("anchors.jsonl");
  const { shell, dataFolder } = await start(["--audit-anchor", anchors], "anchored");
  await shell.done(["vault", "create", "one"]);
  const head = JSON.parse(await shell.done(audit("--head"))) as AuditAnchor;
  assert.equal(head.Sequence, 2);
  const verified = await shell.done(audit("--verify"));
  assert.match(verified, /^The chain holds: 2 entries, the last is 2 with the hash [0-9a-f]{64}\.\nWithout --anchor/);
  await server.stop();
  assert.equal((await stat(anchors)).mode & 0o777, 0o600);
  const exported = parsed<AuditAnchor>(await linesOf(anchors));
  // The end of a run is anchored, so that nothing can be taken from it before the next.
  assert.equal(exported.at(-1)?.Sequence, 2);
  assert.ok(exported.every(({ PublicKey }) => PublicKey === head.PublicKey));

  const offline = audit("--verify", "--data", dataFolder, "--anchor", anchors, "--public-key", head.PublicKey);
  assert.match(await shell.done(offline), /The chain holds: 2 entries.*\n\d anchors hold\.\n$/);
  const database = new DatabaseSync(join(dataFolder, "moraine.db"));
  database.exec("DELETE FROM audit_entries WHERE seq = 2");
  database.close();
  const broken = await shell.run(offline);
  assert.equal(broken.code, 4);
  assert.match(broken.stdout, /^entry 2 is missing: an anchor of \S+Z names it, and the trail ends at entry 1\n/);
  assert.match(broken.stderr, /^moraine: The audit trail was changed: \d findings?\n$/);

  const { shell: online } = await start([], "anchored");
  await online.done(["vault", "create", "two"]);
  const found = await online.run(audit("--verify", "--anchor", anchors));
  assert.equal(found.code, 4);
  assert.match(found.stdout, /^entry 2 is not the one that an anchor of \S+Z names\n/);
  await online.refused(offline, 1, /is running/);
});

test("anchors are posted to a URL, and a failure is warned of until it works", async () => {
  const posted: AuditAnchor[] = [];
  let status = 500;
  const receiver = createServer(async (request, response) => {
    const pieces = await request.toArray();
    if (status === 200) {
      posted.push(JSON.parse(Buffer.concat(pieces).toString()) as AuditAnchor);
    }
    response.writeHead(status).end();
  }).listen(0, "127.0.0.1");
  await once(receiver.unref(), "listening");
  await start(["--audit-anchor", `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`]);
  await until("health warns", async () => /exporting anchors .* fails: .* status 500/.test(await warnings()));
  status = 200;
  await server.stop();
  assert.equal(posted.length, 1);
  const file = pathOf("posted.jsonl");
  await writeFile(file, `${JSON.stringify(posted[0])}\n`);
  const { shell: again } = await start([], `data-${number}`);
  assert.match(await again.done(audit("--verify", "--anchor", file)), /1 anchors hold/);
  receiver.close();
});

test("an unreadable setting is refused with its reason", async () => {
  await assert.rejects(
    start(["--audit-anchor", "http://audit.example/"]),
    /--audit-anchor: must be a file, an https URL/,
  );
  await assert.rejects(start(["--audit-days", "0"]), /--audit-days: must be from 1d to 99999d, not "0"/);
  await assert.rejects(start(["--audit-anchor-minutes", "0"]), /--audit-anchor-minutes: must be .*, not "0"/);
});
