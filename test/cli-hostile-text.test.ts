import assert from "node:assert/strict";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  answer,
  type ScriptedServer,
  type Step,
  scriptedServer,
} from "../packages/client/test/support/scripted-server.ts";
import { asRoot, moraineCommand, Shell, ShellHere } from "./support/command.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The command before a service that puts into its responses what a terminal or a shell would act on.

/** Sets a terminal's title, clears it by C1, and turns the reading direction around. */
const hostile = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\u2066 \u200b end";
const shown = "\\x1b]0;owned\\x07 \\x9b2J \\u202egnp.exe\\u2066 \\u200b end";
const raw = /[\p{Cc}\p{Cf}]/u;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ScriptedServer;
let here: ShellHere;
let step: Step;
before(async () => {
  folder = await temporaryFolder();
  server = await scriptedServer((...request) => step(...request));
  here = new ShellHere(folder.path);
  Object.assign(process.env, { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: "us-east-1" }, asRoot);
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const json = (body: object, status = 200, headers: Record<string, string> = {}): Step =>
  answer(status, { "content-type": "application/json", ...headers }, JSON.stringify(body));
const lines = (text: string) => text.split("\n");

function assertPlain(text: string): void {
  assert.doesNotMatch(lines(text).join(""), raw);
}

test("an error's message and code are shown with escapes, wherever they go", async () => {
  step = json({ code: `Bad\x1b[2J\nmoraine: all is well`, message: hostile, type: "Client" }, 400);
  const { code, stderr } = await here.run(["vault", "list"]);
  assert.equal(code, 1);
  assertPlain(stderr);
  assert.equal(lines(stderr)[0], `moraine: ${shown} (Bad\\x1b[2J moraine: all is well)`);
});

test("a redirect's target is shown with escapes", async () => {
  step = answer(307, { location: "http://x/\x9b2J" });
  const { stderr } = await here.run(["vault", "list"]);
  assertPlain(stderr);
  assert.match(stderr, /a redirect to http:\/\/x\/\\x9b2J/);
});

test("tables and listings keep their lines, and show escapes", async () => {
  step = json({ VaultList: [{ VaultName: "a\nb", CreationDate: hostile, SizeInBytes: 0 }], Marker: null });
  const table = await here.done(["vault", "list"]);
  assertPlain(table);
  assert.equal(lines(table).length, 3);
  step = json({ JobId: "j", Action: hostile, StatusCode: "Succeeded", CreationDate: "x" });
  assert.ok((await here.done(["job", "describe", "v", "j"])).includes(`\naction     ${shown}\n`));
});

test("ids are checked before a script gets them", async () => {
  const bad = "good-id\nanother --force";
  step = json({ JobList: [{ JobId: bad, CreationDate: "x" }], Marker: null });
  const message = /^moraine: The response has an invalid id: .* not "good-id\\nanother --force"/;
  await here.refused(["job", "list", "v", "--quiet"], 1, message);
  step = json({ UploadsList: [{ MultipartUploadId: bad, PartSizeInBytes: 1 }], Marker: null });
  await here.refused(["upload", "list", "v", "--quiet"], 1, message);
  step = json({ ProvisionedCapacityList: [{ CapacityId: bad }] });
  await here.refused(["capacity", "list", "--quiet"], 1, message);
  step = json({ VaultList: [{ VaultName: bad, SizeInBytes: 0 }], Marker: null });
  await here.refused(["vault", "list", "--quiet"], 1, /invalid vault name/);
  step = answer(202, { "x-amz-job-id": "$(touch x)" });
  await here.refused(["job", "start", "v", "--inventory"], 1, /invalid id: .*, not "\$\(touch x\)"/);
  await writeFile(join(folder.path, "policy.json"), "{}");
  step = answer(201, { "x-amz-lock-id": "$(touch x)" });
  await here.refused(["lock", "initiate", "v", "policy.json"], 1, /invalid id/);
  step = json({ Tags: { "a\nb": "c" } });
  assert.equal(await here.done(["tags", "list", "v", "--quiet"]), "a\\nb=c\n");
});

test("a policy is printed as it is into a file, and with escapes on a terminal", async () => {
  const text = `{"Id": "${hostile}"}\r\n  \t`;
  step = json({ Policy: text });
  assert.equal(await here.done(["policy", "get", "v"]), `${text}\n`);
  assert.equal(await here.done(["policy", "get", "v"], { onTerminal: true }), `{"Id": "${shown}"}\n  \t\n`);
});

test("JSON has escapes in its strings, and means the same", async () => {
  step = json({ Policy: `${hostile} \u{e0041} \ud800` });
  const text = await here.done(["policy", "get", "v", "--json"]);
  assertPlain(text);
  assert.deepEqual(JSON.parse(text), { policy: { Policy: `${hostile} \u{e0041} \ud800` } });
});

test("an inventory is shown with escapes on a terminal, as a table and as a document", async () => {
  const archive = {
    ArchiveId: "id",
    ArchiveDescription: hostile,
    CreationDate: "2026-01-01T00:00:00Z",
    Size: 1,
    SHA256TreeHash: "0".repeat(64),
  };
  const document = JSON.stringify({ InventoryDate: "2026-01-01T00:00:00Z", ArchiveList: [archive] });
  const job = {
    JobId: "job",
    Action: "InventoryRetrieval",
    StatusCode: "Succeeded",
    Completed: true,
    CreationDate: "2026-01-01T00:00:00.000Z",
    CompletionDate: "2026-01-01T00:00:00.000Z",
    InventorySizeInBytes: Buffer.byteLength(document),
    InventoryRetrievalParameters: { Format: "JSON" },
  };
  step = (response, request) => {
    const isOutput = request.url.includes("/output");
    const isList = request.url.includes("/jobs?") || request.url.endsWith("/jobs");
    const body = isOutput ? document : JSON.stringify(isList ? { JobList: [job], Marker: null } : job);
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  };
  for (const format of [[], ["--format", "json"]]) {
    const text = await here.run(["inventory", "v", ...format], { onTerminal: true });
    assert.equal(text.code, 0, text.stderr);
    assertPlain(text.stdout);
    assert.ok(text.stdout.includes("\\u202e"), text.stdout);
  }
  assert.equal((await here.run(["inventory", "v", "--format", "json"])).stdout, document);
});

test("credentials that are read by eval bring no command of the server's", async () => {
  const pwned = join(folder.path, "pwned");
  step = json({
    AccessKeyId: "AKIA",
    SecretAccessKey: `a;touch ${pwned}`,
    SessionToken: `$(touch ${pwned})'\`touch ${pwned}\``,
    Expiration: `2026\ntouch ${pwned}`,
  });
  const line = `eval "$(${moraineCommand.join(" ")} admin sessions create u)"; printf '%s' "$AWS_SESSION_TOKEN"`;
  const environment = { ...asRoot, AWS_ENDPOINT_URL_GLACIER: server.url };
  const shell = new Shell(folder.path, environment);
  const token = await shell.done(["-c", line], { command: ["sh"] });
  await assert.rejects(access(pwned), "a command of the server's ran");
  assert.equal(token, `$(touch ${pwned})'\`touch ${pwned}\``);
  step = json({ AccessKeyId: `A\ntouch ${pwned}`, SecretAccessKey: "s", SessionToken: "t", Expiration: "x" });
  await shell.refused(["admin", "sessions", "create", "u"], 1, /Invalid AWS_ACCESS_KEY_ID in the response/);
});
