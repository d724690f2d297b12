import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createClient, type GlacierClient } from "@moraine/client/node";
import { asRoot, moraineCommand, Shell, ShellHere } from "./support/command.ts";
import {
  accountId,
  type Ending,
  endingOf,
  region,
  type ServerProcess,
  startServer,
  within,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// How vaults and accounts are set up with the command, against a real server.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let shell: ShellHere;
let client: GlacierClient;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data"), flags: ["--allow-faults"] });
  Object.assign(process.env, { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region }, asRoot);
  shell = new ShellHere(folder.path);
  client = await createClient();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const done = (line: string, input?: string) => shell.done(line.split(" "), input === undefined ? {} : { input });
const refused = (line: string, code: number, message: RegExp, input?: string) =>
  shell.refused(line.split(" "), code, message, input === undefined ? {} : { input });
const json = async (line: string) => JSON.parse(await done(`${line} --json`));

async function written(name: string, text: string): Promise<string> {
  await writeFile(join(folder.path, name), text);
  return text;
}

const denyDeletion = (vault: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: {
      Sid: "Keep",
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "glacier:DeleteArchive",
      Resource: `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`,
    },
  });

/** Runs the command on a terminal at which somebody types, and which stays open. */
async function atTerminal(line: string, typed: string): Promise<Ending> {
  const command = ["script", "-qec", `exec ${[...moraineCommand, line].join(" ")}`, "/dev/null"];
  const environment = { ...asRoot, AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region };
  const child = new Shell(folder.path, {}).start([], { command, environment });
  child.stdin?.write(`${typed}\n`);
  try {
    return await within(30_000, endingOf(child), `moraine ${line}`);
  } finally {
    child.kill("SIGKILL");
  }
}

test("an access policy is set from a file or a pipe, and comes back as it was set", async () => {
  await client.createVault({ vaultName: "shared" });
  await refused("policy get shared", 3, /^moraine: No vault access policy is set .*\(ResourceNotFoundException\)\n/);
  const text = await written("policy.json", `  ${denyDeletion("shared")}\n`);
  assert.equal(
    await done("policy set shared policy.json --dry-run"),
    "Would set the access policy of vault shared to the content of policy.json.\n",
  );
  await refused("policy get shared", 3, /ResourceNotFoundException/);
  assert.equal(await done("policy set shared policy.json"), "The access policy of vault shared is set.\n");
  assert.equal(await done("policy get shared"), `${text}\n`);
  assert.deepEqual(await json("policy get shared"), { policy: { Policy: text } });
  await written("marked.json", `\uFEFF${denyDeletion("shared")}`);
  assert.equal(await done("policy set --quiet shared marked.json"), "");
  assert.equal(await done("policy get shared --quiet"), `${denyDeletion("shared")}\n`);
  await done("policy set shared -", text);
  assert.equal(await done("policy get shared"), `${text}\n`);
  assert.equal(await done("policy delete shared --dry-run"), "Would delete the access policy of vault shared.\n");
  assert.equal(await done("policy delete shared"), "Vault shared has no access policy.\n");
  await refused("policy get shared", 3, /ResourceNotFoundException/);
  await refused("policy get nowhere", 3, /Vault not found/);
});

test("a policy that is not JSON is not sent, and its fault is reported with line and column", async () => {
  const faults: readonly (readonly [string, string])[] = [
    ["", "1:1: expected a value, found the end"],
    ['{"a": 1,\n "b": }', "2:7: expected a value, found }"],
    ['{"a": 1,\r\n}', "2:1: expected a key in double quotes, found }"],
    ['{"a": [1 2]}', "1:10: expected , or ], found 2"],
    ['{\n  "Effect" "Deny"}', '2:12: expected :, found "Deny"'],
    ["{'a': 1}", "1:2: expected a key in double quotes or }, found '"],
    ['{"a": "x\ny"}', "1:7: an unterminated string, or an invalid escape"],
    ['{"a": "C:\\dir"}', "1:7: an unterminated string, or an invalid escape"],
    ['{"a":\u00A01}', "1:6: expected a value, found U+00A0"],
    ['{"a": [true, nul]}', "1:14: expected a value, found nul"],
    ["{} {}", "1:4: expected nothing more, found {"],
    ["[]", "1:1: expected a JSON object"],
  ];
  for (const [text, message] of faults) {
    for (const command of ["policy set nowhere", "lock initiate nowhere", "admin policies put nobody p"]) {
      const { code, stdout, stderr } = await shell.run([...command.split(" "), "-"], { input: text });
      assert.deepEqual([code, stdout, stderr], [2, "", `moraine: standard input:${message}\n`], text);
    }
  }
  await written("broken.json", "{,}");
  await refused("policy set nowhere broken.json", 2, /^moraine: broken\.json:1:2: expected a key[^\n]*\n$/);
  await refused("policy set nowhere missing.json", 2, /^moraine: cannot read missing\.json: ENOENT[^\n]*\n$/);
  await client.createVault({ vaultName: "judged" });
  await refused("policy set judged -", 1, /policy is invalid.*InvalidParameterValueException/, "{}");
});

describe("a lock", () => {
  test("is put on trial, shown and aborted", async () => {
    await client.createVault({ vaultName: "trial" });
    const text = await written("lock.json", denyDeletion("trial"));
    await refused("lock get trial", 3, /^moraine: No vault lock policy is set/);
    assert.match(await done("lock initiate trial lock.json --dry-run"), /^Would put a lock on vault trial on trial/);
    const printed = await done("lock initiate trial lock.json");
    const [, lockId] = /shown only now:\n(\S+)\n/.exec(printed) ?? [];
    assert.ok(printed.includes(`Within 24 hours, either\n  moraine lock complete trial ${lockId}\n`), printed);
    assert.match(printed, /\n {2}moraine lock abort trial\n/);
    const shown = await done("lock get trial");
    assert.match(shown, /^state {4}InProgress: on trial, already enforced\nstarted {2}20\S+Z\nends {5}20\S+Z, unless/);
    assert.ok(shown.endsWith(`\n\n${text}\n`), shown);
    assert.equal(await done("lock get trial --quiet"), `${text}\n`);
    assert.equal((await json("lock get trial")).State, "InProgress");
    await refused("lock initiate trial lock.json", 5, /InProgress.*AccessDeniedException/);
    assert.match(await done("lock abort trial --dry-run"), /^Would remove the lock of vault trial/);
    assert.equal(await done("lock abort trial"), "Vault trial has no lock.\n");
    await refused("lock get trial", 3, /ResourceNotFoundException/);
  });

  test("becomes permanent only when somebody says so", async () => {
    await client.createVault({ vaultName: "kept" });
    await written("kept.json", denyDeletion("kept"));
    const lockId = await done("lock initiate kept kept.json --quiet");
    await written("lock-id", lockId);
    await refused(
      "lock complete kept @lock-id",
      2,
      /^moraine: This needs confirmation on a terminal, and there is none: .* --yes\n$/,
    );
    assert.match(await done("lock complete kept @lock-id --dry-run"), /^Would make the lock of vault kept permanent/);
    await refused("lock complete kept not-the-id --yes", 1, /^moraine: The vault lock ID is invalid/);
    assert.equal((await json("lock get kept")).State, "InProgress");
    assert.equal(await done("lock complete kept - --yes", lockId), "The lock of vault kept is permanent.\n");
    assert.match(await done("lock get kept"), /^state {4}Locked: permanent\nstarted {2}\S+\nends {5}never\n/);
    await refused("lock abort kept", 5, /Locked.*AccessDeniedException/);
  });

  test("is shown before it is completed on a terminal, and the vault's name must be typed", async () => {
    await client.createVault({ vaultName: "typed" });
    await written("typed.json", denyDeletion("typed"));
    const lockId = (await done("lock initiate typed typed.json --quiet")).trim();
    const not = await atTerminal(`lock complete typed ${lockId}`, "yes");
    assert.equal(not.code, 1, not.stdout);
    assert.match(
      not.stdout,
      /InProgress[\s\S]*"Sid":"Keep"[\s\S]*nobody can ever change or remove it\.\r\nType typed to continue:/,
    );
    assert.match(not.stdout, /moraine: Not confirmed; nothing was changed\r\n$/);
    assert.ok(not.stdout.includes(`endpoint  ${server.url}\r\nregion    ${region}\r\naccount   ${accountId}\r\n`));
    assert.equal((await json("lock get typed")).State, "InProgress");
    const completed = await atTerminal(`lock complete typed ${lockId}`, "typed");
    assert.equal(completed.code, 0, completed.stdout);
    assert.equal((await json("lock get typed")).State, "Locked");
  });
});

test("tags are added, listed and removed, also more of them than one request takes", async () => {
  await client.createVault({ vaultName: "tagged" });
  assert.equal(await done("tags list tagged"), "KEY  VALUE\n");
  assert.match(await done("tags add tagged a=1 b= --dry-run"), /^Would add 2 tags to vault tagged: a=1, b=\.\n$/);
  assert.equal(
    await shell.done(["tags", "add", "tagged", "owner=Ann Lee", "sum=a=b"]),
    "Added 2 tags to vault tagged.\n",
  );
  assert.equal(await done("tags list tagged"), "KEY    VALUE\nowner  Ann Lee\nsum    a=b\n");
  assert.equal(await done("tags list tagged --quiet"), "owner=Ann Lee\nsum=a=b\n");
  const many = Array.from({ length: 23 }, (_, index) => `key${index}=${index}`);
  await done(`tags add tagged ${many.join(" ")}`);
  assert.equal(Object.keys((await json("tags list tagged")).Tags).length, 25);
  const keys = many.map((tag) => tag.split("=")[0]);
  assert.equal(await done(`tags remove tagged never-there ${keys.join(" ")}`), "Removed 24 tags from vault tagged.\n");
  assert.deepEqual(await json("tags list tagged"), { Tags: { owner: "Ann Lee", sum: "a=b" } });
  await refused(
    "tags add tagged lonely",
    2,
    /^moraine: Invalid tag "lonely": expected KEY=VALUE, like team=archive\n$/,
  );
  await refused("tags add tagged =x", 2, /expected KEY=VALUE, like team=archive/);
  await refused("tags add tagged a=1 a=2", 2, /^moraine: A key is given twice\n$/);
  await refused("tags add tagged", 2, /missing required argument 'tag'/);
});

test("a vault's topic is notified of the chosen jobs", async () => {
  await client.createVault({ vaultName: "notified" });
  const topic = `arn:aws:sns:${region}:${accountId}:jobs`;
  await refused("notifications get notified", 3, /ResourceNotFoundException/);
  assert.match(
    await done(`notifications set notified ${topic} --dry-run`),
    /^Would set the topic of vault notified to arn:/,
  );
  assert.equal(
    await done(`notifications set notified ${topic}`),
    `Vault notified notifies ${topic} of ArchiveRetrievalCompleted and InventoryRetrievalCompleted.\n`,
  );
  await done(`notifications set notified ${topic} --event InventoryRetrievalCompleted`);
  assert.equal(await done("notifications get notified"), `topic   ${topic}\nevents  InventoryRetrievalCompleted\n`);
  await refused(`notifications set notified ${topic} --event Everything`, 2, /Allowed choices are ArchiveRetrieval/);
  assert.equal(await done("notifications delete notified"), "Vault notified has no topic.\n");
  await refused("notifications get notified", 3, /ResourceNotFoundException/);
});

test("the account's limit for retrievals is set in the words in which it is shown", async () => {
  assert.match(await done("retrieval-policy get"), /^strategy {2}None\nmeaning {3}no limit/);
  assert.match(
    await done("retrieval-policy set BytesPerHour 10GiB --dry-run"),
    /^Would set the data retrieval policy to BytesPerHour, 10\.0 GiB/,
  );
  assert.match(await done("retrieval-policy set BytesPerHour 10GiB"), /^The data retrieval policy is BytesPerHour/);
  assert.match(await done("retrieval-policy get"), /\nbytes per hour {2}10737418240 \(10\.0 GiB\)\n/);
  assert.equal(await done("retrieval-policy get --quiet"), "BytesPerHour 10737418240\n");
  await done("retrieval-policy set FreeTier");
  assert.equal(await done("retrieval-policy get --quiet"), "FreeTier\n");
  await refused("retrieval-policy set BytesPerHour", 2, /^moraine: BytesPerHour needs a size/);
  await refused("retrieval-policy set None 5", 2, /the other strategies take none/);
  await refused("retrieval-policy set Cheap", 2, /Allowed choices are None, FreeTier, BytesPerHour/);
  // More than a number could hold.
  const rule = { Strategy: "BytesPerHour", BytesPerHour: 2n ** 63n - 1n } as const;
  await client.setDataRetrievalPolicy({ Policy: { Rules: [rule] } });
  assert.match(await done("retrieval-policy get --json"), /"BytesPerHour": 9223372036854775807\n/);
  await done("retrieval-policy set None");
});

test("capacity is purchased only when somebody says so, and never twice for a lost answer", async () => {
  assert.equal(await done("capacity list"), "CAPACITY  START  EXPIRES\n");
  assert.match(await done("capacity purchase --dry-run"), /^Would purchase one unit of provisioned capacity, .*\n/);
  assert.match((await json("capacity purchase --dry-run")).cost, /^AWS charges its price at once/);
  await refused("capacity purchase", 2, /This needs confirmation on a terminal, and there is none/);
  const not = await atTerminal("capacity purchase", "");
  assert.equal(not.code, 1, not.stdout);
  assert.ok(not.stdout.includes(`endpoint  ${server.url}\r\nregion    ${region}\r\naccount   ${accountId}\r\n`));
  assert.equal(await done("capacity list --quiet"), "");
  await refused(
    "capacity purchase --yes --endpoint http://127.0.0.1:3",
    69,
    /^[^;]*ECONNREFUSED [^;\n]*\nmoraine: Is the service reachable/,
  );
  await done("admin faults put reset --operation PurchaseProvisionedCapacity --count 1");
  await refused(
    "capacity purchase --yes",
    1,
    /^moraine: PurchaseProvisionedCapacity: no response .*; it may have taken effect: see moraine capacity list\n$/,
  );
  assert.match(await done("capacity list --quiet"), /^\S+\n$/);
  const id = (await done("capacity purchase --yes --quiet")).trim();
  assert.match(await done("capacity list"), new RegExp(`^CAPACITY .*\\n(\\S+ .*\\n)?${id} +20\\S+Z +20\\S+Z\\n`));
  await refused("capacity purchase --yes", 1, /LimitExceededException/);
});

test("every one of these commands has help, with an example that begins with its name", async () => {
  const names = [
    "policy get",
    "policy set",
    "policy delete",
    "lock get",
    "lock initiate",
    "lock complete",
    "lock abort",
  ];
  names.push("tags list", "tags add", "tags remove", "notifications get", "notifications set", "notifications delete");
  names.push("retrieval-policy get", "retrieval-policy set", "capacity list", "capacity purchase", "completion");
  for (const name of names) {
    const { code, stdout } = await shell.run([...name.split(" "), "--help"]);
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`Examples?:\\n(  .*\\n)*  (.*[|(])? ?moraine ${name}`), name);
  }
});
