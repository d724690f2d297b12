import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AwsCli } from "../support/aws-cli.ts";
import { CalledOperations, settingOperations } from "../support/called-operations.ts";
import { accountId, region, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Settings of vaults and accounts, with Debian's aws-cli, unmodified.

const vault = "settings";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let cli: AwsCli;
const called = new CalledOperations();

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: folder.path });
  cli = new AwsCli(server, called);
  await cli.succeed("create-vault", ["--vault-name", vault]);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const onVault = (command: string, ...args: string[]) => cli.succeed(command, ["--vault-name", vault, ...args]);
const refused = (command: string, ...args: string[]) => cli.fail(command, ["--vault-name", vault, ...args]);

/** Denies strangers what they may not do anyway. As aws-cli takes it: the text of a document within a document. */
const policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Deny",
      Principal: { AWS: "arn:aws:iam::999999999999:root" },
      Action: "glacier:DeleteArchive",
      Resource: `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`,
    },
  ],
});
const given = JSON.stringify({ Policy: policy });

test("aws-cli adds, lists and removes tags", async () => {
  await onVault("add-tags-to-vault", "--tags", "project=moraine,id=1");
  await onVault("remove-tags-from-vault", "--tag-keys", "project", "never-there");
  assert.deepEqual(await onVault("list-tags-for-vault"), { Tags: { id: "1" } });
  assert.match(await refused("add-tags-to-vault", "--tags", "aws:x=1"), /\(InvalidParameterValueException\)/);
  assert.match(await refused("add-tags-to-vault"), /\(MissingParameterValueException\)/);
});

test("aws-cli sets, gets and deletes notifications", async () => {
  const config = { SNSTopic: `arn:aws:sns:${region}:${accountId}:topic`, Events: ["ArchiveRetrievalCompleted"] };
  await onVault("set-vault-notifications", "--vault-notification-config", JSON.stringify(config));
  assert.deepEqual(await onVault("get-vault-notifications"), { vaultNotificationConfig: config });
  await onVault("delete-vault-notifications");
  assert.match(await refused("get-vault-notifications"), /\(ResourceNotFoundException\).*: settings/);
});

test("aws-cli sets, gets and deletes an access policy", async () => {
  await onVault("set-vault-access-policy", "--policy", given);
  assert.deepEqual(await onVault("get-vault-access-policy"), { policy: { Policy: policy } });
  await onVault("delete-vault-access-policy");
  assert.match(await refused("get-vault-access-policy"), /\(ResourceNotFoundException\).*: settings/);
  assert.match(
    await refused("set-vault-access-policy", "--policy", '{"Policy":"{}"}'),
    /\(InvalidParameterValueException\)/,
  );
});

test("aws-cli puts a lock on trial, aborts it, and completes another", async () => {
  const initiate = async () => (await onVault("initiate-vault-lock", "--policy", given)).lockId;
  const first = await initiate();
  assert.equal((await onVault("get-vault-lock")).State, "InProgress");
  assert.match(await refused("initiate-vault-lock", "--policy", given), /\(AccessDeniedException\).*InProgress/);
  await onVault("abort-vault-lock");
  const second = await initiate();
  assert.match(await refused("complete-vault-lock", `--lock-id=${first}`), /\(InvalidParameterValueException\)/);
  await onVault("complete-vault-lock", `--lock-id=${second}`);
  assert.equal((await onVault("get-vault-lock")).State, "Locked");
  assert.match(await refused("abort-vault-lock"), /\(AccessDeniedException\).*Locked/);
});

test("aws-cli sets a data retrieval policy and is refused by it; buys capacity, and no third unit", async () => {
  const rules = JSON.stringify({ Rules: [{ Strategy: "BytesPerHour", BytesPerHour: 1 }] });
  await cli.succeed("set-data-retrieval-policy", ["--policy", rules]);
  assert.deepEqual((await cli.succeed("get-data-retrieval-policy", [])).Policy, JSON.parse(rules));

  const { archiveId } = await onVault("upload-archive", "--body", import.meta.filename);
  const job = JSON.stringify({ Type: "archive-retrieval", ArchiveId: archiveId });
  assert.match(await refused("initiate-job", "--job-parameters", job), /\(PolicyEnforcedException\)/);

  const units = [];
  for (let count = 0; count < 2; count += 1) {
    units.push((await cli.succeed("purchase-provisioned-capacity", [])).capacityId);
  }
  assert.match(await cli.fail("purchase-provisioned-capacity", []), /\(LimitExceededException\)/);
  const { ProvisionedCapacityList: listed } = await cli.succeed("list-provisioned-capacity", []);
  const ids = listed.map(({ CapacityId }: { CapacityId: string }) => CapacityId);
  assert.deepEqual(new Set(ids), new Set(units));
});

test("each operation on settings has been called with success", () => {
  called.assertAll(settingOperations);
});
