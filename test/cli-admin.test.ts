import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { NotificationDescription } from "@moraine/protocol";
import { adminClient } from "../packages/cli/src/context/client.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import {
  accountId,
  cleanEnvironment,
  type Ending,
  endingOf,
  moraineProgram,
  region,
  repositoryRoot,
  rootKey,
  type ServerProcess,
  startServer,
  within,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The command as its users run it, against a real server.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data"), flags: ["--clock", "manual"] });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Run {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly command?: readonly string[];
  readonly cwd?: string;
}

const node = [process.execPath, "--conditions=@moraine/source", moraineProgram];
const asRoot = { AWS_ACCESS_KEY_ID: rootKey.accessKeyId, AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey };

async function moraine(
  args: string,
  { environment = asRoot, input, command = node, cwd = folder.path }: Run = {},
): Promise<Ending> {
  const [file = "", ...first] = command;
  const child = spawn(file, [...first, ...args.split(" ").filter(Boolean)], {
    cwd,
    env: {
      ...cleanEnvironment(),
      MORAINE_ENDPOINT: server.url,
      AWS_EC2_METADATA_DISABLED: "true",
      HOME: folder.path,
      npm_config_update_notifier: "false",
      ...environment,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(input);
  return within(30_000, endingOf(child), `moraine ${args}`);
}

async function done(args: string, run?: Run): Promise<string> {
  const { code, stdout, stderr } = await moraine(args, run);
  assert.deepEqual([code, stderr], [0, ""], `moraine ${args}: ${stdout}`);
  return stdout;
}

async function json<Value>(args: string, run?: Run): Promise<Value> {
  return JSON.parse(await done(`${args} --json`, run)) as Value;
}

async function refused(args: string, code: number, message: RegExp, run?: Run): Promise<void> {
  const ending = await moraine(args, run);
  assert.equal(ending.code, code, `moraine ${args}: ${ending.stdout}${ending.stderr}`);
  assert.equal(ending.stdout, "");
  assert.match(ending.stderr, message);
}

/** Returns what a shell reads from the lines that are printed to be pasted. */
function exported(lines: string): Record<string, string> {
  return Object.fromEntries([...lines.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
}

test("from a user that may do nothing to one that may do one thing, and back to none", async () => {
  assert.match(
    await done("admin users create bob"),
    /^name {2}bob\nid {4}AIDA[A-Z2-7]{17}\narn {3}arn:aws:iam::123456789012:user\/bob\n$/,
  );
  const pasted = await done("admin keys create --user bob");
  assert.match(pasted, /^# A key of user bob\. It is shown only now: keep it\.\n/);
  const bob = { environment: exported(pasted) };
  await refused(
    "admin users list",
    5,
    /^moraine: User: arn:aws:iam::123456789012:user\/bob is not authorized .* \(AccessDeniedException\)\n$/,
    bob,
  );
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: { Sid: "Look", Effect: "Allow", Action: ["moraine:ListUsers", "glacier:DescribeVault"], Resource: "*" },
  });
  await writeFile(join(folder.path, "look.json"), policy);
  assert.equal(await done("admin policies put bob look look.json"), "Policy look is attached to user bob.\n");
  assert.equal(
    await done("admin policies put bob again -", { input: policy }),
    "Policy again is attached to user bob.\n",
  );
  assert.equal(await done("admin policies list bob"), "again\nlook\n");
  assert.equal(await done("admin policies get bob look"), `${policy}\n`);
  assert.match(await done("admin users list", bob), /^NAME {2}ID {19} {2}CREATED.*\nbob {3}AIDA/);
  const verdict = await done("admin simulate glacier:DescribeVault --user bob --vault photos");
  assert.match(verdict, /^allowed \(allow\)\nPOLICY {2}STATEMENT {2}SID {3}EFFECT\nagain {3}0 {10}Look {2}Allow\nlook/);
  assert.match(
    await done("admin simulate glacier:DeleteVault --user bob --vault photos"),
    /^denied \(implicit-deny\): User: .*bob.* because no identity-based policy allows the glacier:DeleteVault action\nNo statement matches\.\n$/,
  );
  await done("admin policies delete bob look");
  await done("admin policies delete bob again");
  await refused("admin users list", 5, /AccessDeniedException/, bob);
  assert.equal(await done("admin users delete bob"), "Deleted user bob.\n");
  await refused("admin users list", 5, /UnrecognizedClientException/, bob);
});

test("keys and sessions come and go", async () => {
  await done("admin users create carol");
  const key = exported(await done("admin keys create --user carol"));
  const id = key["AWS_ACCESS_KEY_ID"];
  assert.equal(await done(`admin keys disable ${id} --user carol`), `Key ${id} is inactive.\n`);
  assert.match(await done("admin keys list --user carol"), new RegExp(`^KEY .*\\n${id}  Inactive  carol `));
  await done(`admin keys enable ${id} --user carol`);
  const [listed] = await json<{ Status: string }[]>("admin keys list --user carol");
  assert.equal(listed?.Status, "Active");
  const session = exported(await done("admin sessions create carol --seconds 900"));
  assert.match(session["AWS_SESSION_TOKEN"] ?? "", /^\S{80}$/);
  await refused("admin users list", 5, /AccessDeniedException/, { environment: session });
  assert.equal(await done(`admin keys delete ${id} --user carol`), `Deleted key ${id}.\n`);
  await refused(
    `admin keys delete ${id} --user carol`,
    3,
    /^moraine: The access key was not found: .* \(ResourceNotFoundException\)\n$/,
  );
  await refused(
    `admin keys disable ${rootKey.accessKeyId}`,
    1,
    /^moraine: The last active key of an account's root stays/,
  );
});

test("accounts, clock and health are the operator's", async () => {
  const root = { environment: exported(await done("admin accounts create --id 210987654321")) };
  assert.deepEqual(await json("admin users list", root), []);
  await refused("admin accounts list", 5, /only principals of the operator's account may/, root);
  assert.deepEqual(
    (await json<{ AccountId: string }[]>("admin accounts list")).map(({ AccountId }) => AccountId),
    ["123456789012", "210987654321"],
  );
  exported(await done("admin accounts root-key 210987654321"));
  const before = Date.parse((await json<{ Now: string }>("admin clock show")).Now);
  await done("admin clock advance 2h");
  assert.equal(Date.parse((await json<{ Now: string }>("admin clock advance 30")).Now) - before, 7_230_000);
  assert.match(
    await done("admin clock set 2040-01-01T00:00:00Z"),
    /^clock {9}manual\nnow {11}2040-01-01T00:00:00\.000Z\nfor policies {2}20[23].*: the clock is implausibly far ahead/,
  );
  await refused("admin clock set 2039-01-01T00:00:00Z", 1, /does not go backwards/);
  assert.match(
    await done("admin health"),
    /^ready {10}yes\nfree bytes {5}\d+\ndeleted bytes {2}0\nversion {8}0\.1\.0\nregion {9}us-east-1\n/,
  );
  assert.equal(await done("admin accounts delete 210987654321"), "Deleted account 210987654321.\n");
  await refused("admin accounts delete 210987654321", 3, /The account was not found/);
});

test("lists come whole, page after page", async () => {
  Object.assign(process.env, asRoot);
  const call = await adminClient({ endpoint: server.url }, {});
  const names = Array.from({ length: 250 }, (_, index) => `many-${String(index).padStart(3, "0")}`);
  for (const userName of names) {
    await call("CreateUser", { userName });
  }
  const listed = await json<{ UserName: string }[]>("admin users list");
  assert.deepEqual(
    listed.map(({ UserName }) => UserName).filter((name) => name.startsWith("many-")),
    names,
  );
});

describe("failures are reported in one line, each kind with its own exit code", () => {
  test("2 for what the command does not understand", async () => {
    await refused("admin", 2, /Usage: moraine admin/);
    await refused("admin users", 2, /Usage: moraine admin users/);
    await refused("admin nonsense", 2, /^moraine: unknown command 'nonsense'/);
    await refused("admin users create", 2, /^moraine: missing required argument 'name'/);
    await refused("admin users list --color", 2, /^moraine: unknown option '--color'/);
    await refused("admin clock advance soon", 2, /Expected a duration like 90, 15m, 4h or 2d/);
    await refused("admin simulate glacier:ListVaults --context nothing", 2, /like aws:SourceIp=/);
    await refused("admin --endpoint ftp://x users list", 2, /^moraine: Invalid endpoint .*: expected a URL/);
    await refused("admin policies put bob p nowhere.json", 2, /^moraine: cannot read nowhere\.json: ENOENT[^\n]*\n$/);
  });

  test("69 when nothing responds, and 1 when another service does", async () => {
    const taken = createServer((socket) => socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")).listen(
      0,
      "127.0.0.1",
    );
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    await refused(
      `admin --endpoint http://127.0.0.1:${port} users list`,
      1,
      /^moraine: ListUsers: responded with 404 Not Found, but not as this service does[^\n]*\n$/,
    );
    taken.close();
    await refused(
      `admin --endpoint http://127.0.0.1:${port} users list`,
      69,
      /^moraine: ListUsers: no response from http:\/\/127\.0\.0\.1:\d+: [^\n]*ECONNREFUSED[^\n]*\n$/,
    );
  });

  test("1 without credentials, and 5 with wrong ones", async () => {
    await refused("admin users list", 1, /^moraine: Could not load credentials[^\n]*\n$/, { environment: {} });
    await refused("admin users list", 5, /InvalidSignatureException\)\n$/, {
      environment: { ...asRoot, AWS_SECRET_ACCESS_KEY: "wrong" },
    });
    await refused("admin --region eu-west-1 users list", 5, /Credential should be scoped to a valid region/);
  });
});

test("every command has help with an example, and exits 0", async () => {
  assert.match(await done("--help"), /Usage: moraine/);
  const commands = [
    "accounts create",
    "accounts list",
    "accounts delete",
    "accounts root-key",
    "users create",
    "users list",
    "users delete",
    "keys create",
    "keys list",
    "keys enable",
    "keys disable",
    "keys delete",
    "sessions create",
    "policies put",
    "policies get",
    "policies list",
    "policies delete",
    "simulate",
    "notifications list",
    "notifications retry",
    "clock show",
    "clock advance",
    "clock set",
    "faults put",
    "faults list",
    "faults delete",
    "faults clear",
    "health",
  ];
  const helped = async (command: string) => {
    const help = await done(`admin ${command} --help`);
    assert.match(help, new RegExp(`Examples?:\\n {2}moraine admin ${command}`), command);
  };
  // All at once would let the last of them wait for half a minute on a busy machine.
  for (let start = 0; start < commands.length; start += 4) {
    await Promise.all(commands.slice(start, start + 4).map(helped));
  }
});

test("it runs in a clone through npx and through npm, whatever node the path has first", async () => {
  const here = join(folder.path, "here");
  await mkdir(here);
  await writeFile(
    join(here, "p.json"),
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"glacier:ListVaults","Resource":"*"}]}',
  );
  await done("admin users create dan");
  const npx = { command: ["npx", "--no", "moraine"], cwd: repositoryRoot };
  assert.match(await done("admin users list", npx), /^NAME/);
  // A path that the user gives counts from where the user stands.
  const npm = { command: ["npm", "--silent", "--prefix", repositoryRoot, "run", "moraine", "--"], cwd: here };
  assert.match(await done("admin policies put dan p ./p.json", npm), /Policy p is attached to user dan\.\n$/);
});

test("messages that did not arrive are shown with the reason, and sent again by their id", async () => {
  const glacier = new GlacierHttp(server.url);
  const topic = `arn:aws:sns:${region}:${accountId}:nowhere`;
  await glacier.createVault("announced");
  const jobId = await glacier.initiateJob("announced", { Type: "inventory-retrieval", SNSTopic: topic });
  await glacier.jobSucceeded("announced", jobId);
  glacier.close();
  const failed = async () => json<NotificationDescription[]>("admin notifications --state Failed");
  for (const end = performance.now() + 10_000; (await failed()).length === 0; ) {
    assert.ok(performance.now() < end, "the message has not failed");
  }
  const [message] = await failed();
  assert.equal(message?.JobId, jobId);
  const shown = await done("admin notifications");
  assert.match(shown, /^MESSAGE +STATE +ATTEMPTS +NEXT +TOPIC +REASON\n/);
  assert.match(
    shown,
    new RegExp(`^${message.MessageId}  Failed +1 +- +${topic}  no endpoint is configured for this topic$`, "m"),
  );
  assert.equal(
    await done(`admin notifications retry ${message.MessageId}`),
    `Message ${message.MessageId} is sent again.\n`,
  );
  await refused("admin notifications retry 11111111-2222-4333-8444-555555555555", 3, /The message was not found/);
  await refused("admin notifications --state Lost", 2, /Allowed choices are Pending, Failed/);
});
