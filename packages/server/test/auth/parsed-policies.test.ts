import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { ParsedPolicies } from "../../src/auth/parsed-policies.ts";
import { PolicyMeters } from "../../src/auth/policy-meter.ts";
import { PolicyError } from "../../src/domain/policy/parse.ts";
import { unmetered } from "../support/unmetered.ts";

const owner = "123456789012" as AccountId;
const stranger = "210987654321" as AccountId;
const policy = (id: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Id: id.padEnd(19_000, "."),
    Statement: { Effect: "Allow", Action: "glacier:ListVaults", Resource: "*" },
  });
const readMany = async (parsed: ParsedPolicies, accountId: AccountId, count: number) => {
  for (let other = 0; other < count; other += 1) {
    await parsed.identity(accountId, policy(`other ${other}`));
  }
};

test("a policy is read once, and again only after many others of its account", async () => {
  const parsed = new ParsedPolicies(unmetered.policyMeter);
  const first = await parsed.identity(owner, policy("first"));
  assert.equal(await parsed.identity(owner, policy("first")), first);
  await readMany(parsed, owner, 50);
  assert.equal(await parsed.identity(owner, policy("first")), first);
  await readMany(parsed, owner, 200);
  assert.notEqual(await parsed.identity(owner, policy("first")), first, "memory does not grow with the policies");
});

test("an account with thousands of policies makes no other account's be read again", async () => {
  const parsed = new ParsedPolicies(unmetered.policyMeter);
  const identity = await parsed.identity(owner, policy("mine"));
  const vaultArn = `arn:aws:glacier:us-east-1:${owner}:vaults/photos`;
  const ofVault = policy("vault").replace('"Resource":"*"', '"Resource":"*","Principal":"*"');
  const resource = await parsed.ofVault(owner, ofVault, vaultArn);
  await readMany(parsed, stranger, 500);
  assert.equal(await parsed.identity(owner, policy("mine")), identity);
  assert.equal(await parsed.ofVault(owner, ofVault, vaultArn), resource);
});

test("a policy that is being read is not read twice", async () => {
  let admitted = 0;
  const parsed = new ParsedPolicies({
    admit: () => {
      admitted += 1;
      return null;
    },
    charge: () => undefined,
  });
  const [first, second] = await Promise.all([
    parsed.identity(owner, policy("first")),
    parsed.identity(owner, policy("first")),
  ]);
  assert.equal(first, second);
  assert.equal(admitted, 1);
});

test("a policy that cannot be understood is refused each time it is met", async () => {
  const parsed = new ParsedPolicies(unmetered.policyMeter);
  for (let time = 0; time < 2; time += 1) {
    assert.ok((await parsed.identity(owner, "{}")) instanceof PolicyError);
  }
});

test("a policy that was not admitted is read when it is asked for again", async () => {
  let isRefused = true;
  const parsed = new ParsedPolicies({
    admit: () => (isRefused ? Promise.reject(new Error("not now")) : null),
    charge: () => undefined,
  });
  await assert.rejects(async () => parsed.identity(owner, policy("first")), { message: "not now" });
  isRefused = false;
  assert.ok(!((await parsed.identity(owner, policy("first"))) instanceof PolicyError));
});

const limits = { share: 0.5, burstMilliseconds: 10, waitingMax: 2 };

test("an account that has had its share waits, in order, and is refused when many wait; others do not", async () => {
  let now = 1000;
  const meter = new PolicyMeters(limits, () => now);
  assert.equal(meter.admit(owner), null);
  meter.charge(owner, 10);
  assert.equal(meter.admit(owner), null, "the burst");
  meter.charge(owner, 1);
  const order: string[] = [];
  const waits = ["first", "second"].map((name) => meter.admit(owner)?.then(() => order.push(name)));
  assert.ok(waits.every((wait) => wait !== undefined));
  assert.throws(() => meter.admit(owner), { code: "ThrottlingException", message: "Rate exceeded" });
  assert.equal(meter.admit(stranger), null);
  await Promise.all(waits);
  assert.deepEqual(order, ["first", "second"]);
  now += 2;
  assert.equal(meter.admit(owner), null, "what was done is paid for");
});

test("requests that come together are not all let in before the first is charged", async () => {
  let now = 1000;
  const meter = new PolicyMeters({ ...limits, waitingMax: 9 }, () => now);
  meter.charge(owner, 11);
  let running = 0;
  const waits = Array.from({ length: 3 }, async () => {
    await meter.admit(owner);
    running += 1;
    meter.charge(owner, 20);
  });
  await new Promise((resolve) => setTimeout(resolve, 15));
  assert.equal(running, 1);
  for (let paid = 0; paid < 3; paid += 1) {
    now += 40;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await Promise.all(waits);
  assert.equal(running, 3);
});
