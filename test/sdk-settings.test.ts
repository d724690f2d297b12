import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AbortVaultLockCommand,
  AddTagsToVaultCommand,
  CompleteVaultLockCommand,
  CreateVaultCommand,
  DeleteVaultAccessPolicyCommand,
  DeleteVaultNotificationsCommand,
  GetDataRetrievalPolicyCommand,
  GetVaultAccessPolicyCommand,
  GetVaultLockCommand,
  GetVaultNotificationsCommand,
  type GlacierClient,
  InitiateJobCommand,
  InitiateVaultLockCommand,
  InvalidParameterValueException,
  LimitExceededException,
  ListProvisionedCapacityCommand,
  ListTagsForVaultCommand,
  MissingParameterValueException,
  PolicyEnforcedException,
  PurchaseProvisionedCapacityCommand,
  RemoveTagsFromVaultCommand,
  ResourceNotFoundException,
  SetDataRetrievalPolicyCommand,
  SetVaultAccessPolicyCommand,
  SetVaultNotificationsCommand,
  UploadArchiveCommand,
} from "@aws-sdk/client-glacier";
import { millisecondsPer } from "@moraine/protocol";
import { CalledOperations, settingOperations } from "./support/called-operations.ts";
import { contentOf } from "./support/content.ts";
import { own, sdkClient } from "./support/sdk-client.ts";
import { accountId, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Settings of vaults and accounts, with AWS's SDK for JavaScript, against a server process.

const vaultName = "records";
const vault = { ...own, vaultName };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let client: GlacierClient;
const called = new CalledOperations();

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: folder.path });
  client = sdkClient(server, { called });
  await client.send(new CreateVaultCommand(vault));
});

after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const policyOf = (name: string, sid: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: sid,
        Principal: { AWS: "arn:aws:iam::999999999999:root" },
        Effect: "Deny",
        Action: ["glacier:DeleteArchive"],
        Resource: [`arn:aws:glacier:us-east-1:${accountId}:vaults/${name}`],
        Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "365" } },
      },
    ],
  });

test("tags are added, listed and removed", async () => {
  await client.send(new AddTagsToVaultCommand({ ...vault, Tags: { project: "moraine", empty: "" } }));
  await client.send(new AddTagsToVaultCommand({ ...vault, Tags: { project: "glacier" } }));
  const listed = await client.send(new ListTagsForVaultCommand(vault));
  assert.deepEqual(listed.Tags, { project: "glacier", empty: "" });
  await client.send(new RemoveTagsFromVaultCommand({ ...vault, TagKeys: ["project", "never there"] }));
  assert.deepEqual((await client.send(new ListTagsForVaultCommand(vault))).Tags, { empty: "" });
  await assert.rejects(client.send(new AddTagsToVaultCommand(vault)), MissingParameterValueException);
  await assert.rejects(
    client.send(new AddTagsToVaultCommand({ ...vault, Tags: { "aws:x": "" } })),
    InvalidParameterValueException,
  );
  const tags = (from: number) =>
    Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`key${from + index}`, "value"]));
  for (let from = 0; from < 40; from += 10) {
    await client.send(new AddTagsToVaultCommand({ ...vault, Tags: tags(from) }));
  }
  await assert.rejects(client.send(new AddTagsToVaultCommand({ ...vault, Tags: tags(40) })), LimitExceededException);
});

test("notifications are set, got and deleted", async () => {
  const vaultNotificationConfig = {
    SNSTopic: `arn:aws:sns:us-east-1:${accountId}:topic`,
    Events: ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"],
  };
  await assert.rejects(client.send(new GetVaultNotificationsCommand(vault)), ResourceNotFoundException);
  await client.send(new SetVaultNotificationsCommand({ ...vault, vaultNotificationConfig }));
  const got = await client.send(new GetVaultNotificationsCommand(vault));
  assert.deepEqual(got.vaultNotificationConfig, vaultNotificationConfig);
  await assert.rejects(client.send(new SetVaultNotificationsCommand(vault)), MissingParameterValueException);
  await client.send(new DeleteVaultNotificationsCommand(vault));
  await assert.rejects(client.send(new GetVaultNotificationsCommand(vault)), ResourceNotFoundException);
});

test("an access policy is set, got as it was given, and deleted", async () => {
  const Policy = policyOf(vaultName, "access");
  await client.send(new SetVaultAccessPolicyCommand({ ...vault, policy: { Policy } }));
  assert.equal((await client.send(new GetVaultAccessPolicyCommand(vault))).policy?.Policy, Policy);
  await assert.rejects(
    client.send(new SetVaultAccessPolicyCommand({ ...vault, policy: { Policy: "{}" } })),
    InvalidParameterValueException,
  );
  await assert.rejects(client.send(new SetVaultAccessPolicyCommand(vault)), MissingParameterValueException);
  await client.send(new DeleteVaultAccessPolicyCommand(vault));
  await assert.rejects(client.send(new GetVaultAccessPolicyCommand(vault)), ResourceNotFoundException);
});

test("a lock is tried, aborted, tried again and completed", async () => {
  const locked = { ...own, vaultName: "locked" };
  const policy = { Policy: policyOf("locked", "lock") };
  await client.send(new CreateVaultCommand(locked));
  await assert.rejects(client.send(new GetVaultLockCommand(locked)), ResourceNotFoundException);
  const first = await client.send(new InitiateVaultLockCommand({ ...locked, policy }));
  const trial = await client.send(new GetVaultLockCommand(locked));
  assert.deepEqual([trial.State, trial.Policy], ["InProgress", policy.Policy]);
  const window = Date.parse(trial.ExpirationDate ?? "") - Date.parse(trial.CreationDate ?? "");
  assert.equal(window, millisecondsPer.day);
  // AWS's model has no class for this error, so it keeps its name alone.
  await assert.rejects(client.send(new InitiateVaultLockCommand({ ...locked, policy })), {
    name: "AccessDeniedException",
    message: "The vault lock is in the InProgress state: locked",
  });
  await client.send(new AbortVaultLockCommand(locked));
  const { lockId } = await client.send(new InitiateVaultLockCommand({ ...locked, policy }));
  await assert.rejects(
    client.send(new CompleteVaultLockCommand({ ...locked, lockId: first.lockId })),
    InvalidParameterValueException,
  );
  await client.send(new CompleteVaultLockCommand({ ...locked, lockId }));
  await client.send(new CompleteVaultLockCommand({ ...locked, lockId }));
  const complete = await client.send(new GetVaultLockCommand(locked));
  assert.equal(complete.State, "Locked");
  assert.equal(complete.ExpirationDate ?? null, null);
  await assert.rejects(client.send(new AbortVaultLockCommand(locked)), { name: "AccessDeniedException" });
});

test("a data retrieval policy is set, got and enforced", async () => {
  const policyIs = async () => (await client.send(new GetDataRetrievalPolicyCommand(own))).Policy?.Rules;
  const set = (rule: { Strategy: string; BytesPerHour?: number }) =>
    client.send(new SetDataRetrievalPolicyCommand({ ...own, Policy: { Rules: [rule] } }));
  assert.deepEqual(await policyIs(), [{ Strategy: "None" }]);
  const { archiveId } = await client.send(new UploadArchiveCommand({ ...vault, body: contentOf(1, 1000) }));
  const retrieve = () =>
    client.send(
      new InitiateJobCommand({ ...vault, jobParameters: { Type: "archive-retrieval", ArchiveId: archiveId } }),
    );
  await set({ Strategy: "BytesPerHour", BytesPerHour: 249 });
  assert.deepEqual(await policyIs(), [{ Strategy: "BytesPerHour", BytesPerHour: 249 }]);
  await assert.rejects(retrieve(), PolicyEnforcedException);
  await assert.rejects(set({ Strategy: "None", BytesPerHour: 1 }), InvalidParameterValueException);
  await set({ Strategy: "FreeTier" });
  await retrieve();
  await set({ Strategy: "None" });
});

test("two units of capacity can be bought, and are listed", async () => {
  const purchase = () => client.send(new PurchaseProvisionedCapacityCommand(own));
  const ids = [(await purchase()).capacityId, (await purchase()).capacityId];
  await assert.rejects(purchase(), LimitExceededException);
  const { ProvisionedCapacityList: units = [] } = await client.send(new ListProvisionedCapacityCommand(own));
  assert.deepEqual(new Set(units.map((unit) => unit.CapacityId)), new Set(ids));
  assert.ok(units.every((unit) => unit.ExpirationDate?.endsWith(".000Z")));
});

test("settings survive a restart", async () => {
  await client.send(new AddTagsToVaultCommand({ ...vault, Tags: { empty: "no longer" } }));
  await client.send(
    new SetDataRetrievalPolicyCommand({ ...own, Policy: { Rules: [{ Strategy: "BytesPerHour", BytesPerHour: 7 }] } }),
  );
  client.destroy();
  await server[Symbol.asyncDispose]();
  server = await startServer({ dataFolder: folder.path });
  client = sdkClient(server, { called });
  const { Tags } = await client.send(new ListTagsForVaultCommand(vault));
  assert.equal(Tags?.["empty"], "no longer");
  const { State } = await client.send(new GetVaultLockCommand({ ...own, vaultName: "locked" }));
  assert.equal(State, "Locked");
  const { Policy } = await client.send(new GetDataRetrievalPolicyCommand(own));
  assert.deepEqual(Policy?.Rules, [{ Strategy: "BytesPerHour", BytesPerHour: 7 }]);
  const capacity = await client.send(new ListProvisionedCapacityCommand(own));
  assert.equal(capacity.ProvisionedCapacityList?.length, 2);
});

test("each operation on settings has been called with success", () => {
  called.assertAll(settingOperations);
});
