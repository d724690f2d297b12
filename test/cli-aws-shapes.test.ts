import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { OperationName } from "@moraine/protocol";
import { answer, type ScriptedServer, scriptedServer } from "../packages/client/test/support/scripted-server.ts";
import { exampleOf, operationOf, wireAnswer } from "./support/aws-examples.ts";
import { asRoot, ShellHere } from "./support/command.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The command against a server that answers as AWS's documentation says, and leaves out what that leaves out.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ScriptedServer;
let shell: ShellHere;

before(async () => {
  folder = await temporaryFolder();
  server = await scriptedServer((response, request) => {
    const name = operationOf(request.method, request.url);
    const { status, headers, body } = wireAnswer(name, exampleOf(name).output);
    answer(status, headers, body)(response, request);
  });
  shell = new ShellHere(folder.path);
  await writeFile(join(folder.path, "policy.json"), '{"Version":"2012-10-17","Statement":[]}');
  Object.assign(process.env, { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: "us-west-2" }, asRoot);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const commands: [OperationName, string[], RegExp][] = [
  ["ListVaults", ["vault", "list"], /^my-vault +1 +3\.0 MiB +3178496 +2015-04-07T00:26:19\.028Z$/m],
  ["CreateVault", ["vault", "create", "my-vault"], /^Vault my-vault already exists\.$/m],
  ["DescribeVault", ["vault", "describe", "my-vault"], /^inventory +-$/m],
  ["DeleteVault", ["vault", "delete", "my-vault"], /^Deleted vault my-vault\.$/m],
  ["ListMultipartUploads", ["upload", "list", "examplevault"], /^2012-04-01T15:00:00\.000Z +4\.0 MiB .* archive 2$/m],
  ["AbortMultipartUpload", ["upload", "abort", "my-vault", "-an-id-that-begins-with-a-dash"], /^Aborted upload -an-id/],
  ["InitiateJob", ["job", "start", "examplevault", "--inventory"], /^job +HkF9p6o7yjhFx-\S+$/m],
  [
    "ListJobs",
    ["job", "list", "my-vault"],
    /^2015-07-17T20:23:41\.616Z +InProgress +InventoryRetrieval +- +- +zbxcm3Z/m,
  ],
  ["DescribeJob", ["job", "describe", "my-vault", "-an-id-that-begins-with-a-dash"], /^size +-\nformat +JSON$/m],
  ["DeleteArchive", ["archive", "delete", "v", "-an-id-that-begins-with-a-dash"], /^Deleted archive -an-id/],
  ["GetVaultAccessPolicy", ["policy", "get", "v"], /"Sid": ?"Define-owner-access-rights"/],
  ["SetVaultAccessPolicy", ["policy", "set", "v", "policy.json"], /./],
  ["DeleteVaultAccessPolicy", ["policy", "delete", "v"], /./],
  ["GetVaultLock", ["lock", "get", "v"], /^ends +exampledate, unless it is completed before$/m],
  ["InitiateVaultLock", ["lock", "initiate", "v", "policy.json"], /^AE863rKkWZU53SLW5be4DUcW$/m],
  ["CompleteVaultLock", ["lock", "complete", "v", "AE863rKkWZU53SLW5be4DUcW", "--yes"], /is permanent/],
  ["AbortVaultLock", ["lock", "abort", "v"], /^Vault v has no lock\.$/m],
  ["ListTagsForVault", ["tags", "list", "v"], /^KEY +VALUE\ndate +july2015\nid +1234$/m],
  ["AddTagsToVault", ["tags", "add", "v", "examplekey1=examplevalue1"], /^Added 1 tag to vault v\.$/m],
  ["RemoveTagsFromVault", ["tags", "remove", "v", "a", "b"], /^Removed 2 tags from vault v\.$/m],
  ["GetVaultNotifications", ["notifications", "get", "v"], /^events +InventoryRetrievalCompleted, ArchiveRetrievalC/m],
  ["SetVaultNotifications", ["notifications", "set", "v", "arn:aws:sns:us-west-2:012345678901:mytopic"], /./],
  ["DeleteVaultNotifications", ["notifications", "delete", "v"], /./],
  ["GetDataRetrievalPolicy", ["retrieval-policy", "get"], /^bytes per hour +10737418240 \(10\.0 GiB\)$/m],
  ["SetDataRetrievalPolicy", ["retrieval-policy", "set", "BytesPerHour", "10GiB"], /10\.0 GiB/],
  [
    "ListProvisionedCapacity",
    ["capacity", "list"],
    /^yXaq7NzHFQNADTfQkDen4V7z +2016-12-13T20:11:51\.095Z +2017-01-15/m,
  ],
  ["PurchaseProvisionedCapacity", ["capacity", "purchase", "--yes"], /zSaq7NzHFQDANTfQkDen4V7z$/m],
];

for (const [name, args, printed] of commands) {
  test(`moraine ${args.join(" ")} understands AWS's example`, async () => {
    const text = await shell.done(args);
    assert.match(text, printed);
    assert.doesNotMatch(text, /undefined|null|NaN/);
    const { method = "", url = "" } = server.seen.at(-1) ?? {};
    assert.equal(operationOf(method, url), name);
  });
}

test("a job that AWS's example shows in progress is not ready yet", async () => {
  const job = ["my-vault", "-an-id-that-begins-with-a-dash"];
  await shell.refused(["job", "wait", ...job, "--wait", "0"], 75, /is still in progress/);
  await shell.refused(["job", "output", ...job, "-o", "target"], 75, /is still in progress/);
});

test("a retrieval policy without a limit is shown without one, also where the service says null", async () => {
  const Policy = { Rules: [{ Strategy: "FreeTier", BytesPerHour: null }] };
  await using service = await scriptedServer(answer(200, {}, JSON.stringify({ Policy })));
  assert.doesNotMatch(await shell.done(["--endpoint", service.url, "retrieval-policy", "get"]), /null|bytes per hour/);
  assert.equal(await shell.done(["--endpoint", service.url, "retrieval-policy", "get", "--quiet"]), "FreeTier\n");
});
