import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertError, createVault, invalid, missing, notFound, vaultNotFound, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

const topic = "arn:aws:sns:us-west-2:012345678901:mytopic";
const archives = "ArchiveRetrievalCompleted";
const inventories = "InventoryRetrievalCompleted";

const send = (method: string, vault = "vault", body?: unknown) =>
  server.client.send({
    method,
    path: `${vaultPath(vault)}/notification-configuration`,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const set = (body?: unknown) => send("PUT", "vault", body);

async function kept(body: unknown): Promise<void> {
  const answer = await set(body);
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
}

const serialization = { status: 400, code: "SerializationException", message: /^The request body is not of the right/ };

test("a configuration is returned as it was set, replaced, and deleted", async () => {
  await kept({ SNSTopic: topic, Events: [inventories, archives] });
  const both = `{"Events":["${inventories}","${archives}"],"SNSTopic":"${topic}"}`;
  assert.equal((await send("GET")).text, both);
  await kept({ SNSTopic: `${topic}-2`, Events: [archives, archives], Unknown: 1 });
  assert.equal((await send("GET")).text, `{"Events":["${archives}"],"SNSTopic":"${topic}-2"}`);
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await send("DELETE")).status, 204);
    assertError(await send("GET"), notFound("No notification configuration is set for vault: vault"));
  }
});

test("a vault that is made again has no configuration", async () => {
  await createVault(server, "short-lived");
  assert.equal((await send("PUT", "short-lived", { SNSTopic: topic, Events: [archives] })).status, 204);
  assert.equal((await server.client.send({ method: "DELETE", path: vaultPath("short-lived") })).status, 204);
  await createVault(server, "short-lived");
  assert.equal((await send("GET", "short-lived")).status, 404);
});

test("both fields are required", async () => {
  for (const body of [undefined, {}, { Events: [archives] }, { SNSTopic: null, Events: ["wrong"] }]) {
    assertError(await set(body), missing("snsTopic"));
  }
  for (const body of [{ SNSTopic: topic }, { SNSTopic: "wrong", Events: null }]) {
    assertError(await set(body), missing("events"));
  }
});

describe("a refused configuration leaves the one before:", () => {
  for (const [what, body, expected] of [
    ["no events", { SNSTopic: topic, Events: [] }, invalid("Invalid events: there must be at least one")],
    ["an unknown event", { SNSTopic: topic, Events: [archives, "Other"] }, invalid("Invalid event: Other")],
    ["an event in other letters", { SNSTopic: topic, Events: [archives.toLowerCase()] }, invalid(/^Invalid event: /)],
    ["an empty event", { SNSTopic: topic, Events: [""] }, invalid("Invalid event: ")],
    ["an empty topic", { SNSTopic: "", Events: [archives] }, invalid("Invalid SNS topic ARN: ")],
    ...[
      "mytopic",
      "arn:aws:sqs:us-west-2:012345678901:mytopic",
      "arn:aws:sns:us-west-2:01234567890:mytopic",
      "arn:aws:sns::012345678901:mytopic",
      "arn:aws:sns:us-west-2:012345678901:",
      "arn:aws:sns:us-west-2:012345678901:my topic",
      "arn:aws:sns:us-west-2:012345678901:mytopic:subscription",
      ` ${topic}`,
      `${topic}\n`,
    ].map(
      (arn) =>
        [JSON.stringify(arn), { SNSTopic: arn, Events: [archives] }, invalid(`Invalid SNS topic ARN: ${arn}`)] as const,
    ),
    ["one event instead of a list", { SNSTopic: topic, Events: archives }, serialization],
    ["an event that is a number", { SNSTopic: topic, Events: [1] }, serialization],
    ["an event that is null", { SNSTopic: topic, Events: [null] }, serialization],
    ["a topic that is a number", { SNSTopic: 1, Events: [archives] }, serialization],
    ["a list of topics", { SNSTopic: [topic], Events: [archives] }, serialization],
  ] as const) {
    test(what, async () => {
      await kept({ SNSTopic: topic, Events: [archives] });
      assertError(await set(body), expected);
      assert.equal((await send("GET")).text, `{"Events":["${archives}"],"SNSTopic":"${topic}"}`);
    });
  }
});

test("topics of other partitions are topics", async () => {
  for (const arn of [
    "arn:aws-cn:sns:cn-north-1:012345678901:t",
    "arn:aws-us-gov:sns:us-gov-west-1:012345678901:t.fifo",
  ]) {
    await kept({ SNSTopic: arn, Events: [archives] });
  }
});

test("a vault that is not there is not found, whatever the body says", async () => {
  assertError(await send("PUT", "nowhere", {}), vaultNotFound("nowhere"));
  assertError(await send("GET", "nowhere"), vaultNotFound("nowhere"));
  assertError(await send("DELETE", "nowhere"), vaultNotFound("nowhere"));
});
