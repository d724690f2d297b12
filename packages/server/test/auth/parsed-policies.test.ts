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
    admit: async () => {
      admitted += 1;
    },
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
    admit: async () => (isRefused ? Promise.reject(new Error("not now")) : undefined),
  });
  await assert.rejects(async () => parsed.identity(owner, policy("first")), { message: "not now" });
  isRefused = false;
  assert.ok(!((await parsed.identity(owner, policy("first"))) instanceof PolicyError));
});

test("an account that has much read waits, and is refused when it would wait too long; others do not wait", async () => {
  let now = 1_000_000;
  const meter = new PolicyMeters({ bytesPerSecond: 1000, burstBytes: 2000, waitMillisecondsMax: 2 }, () => now);
  await meter.admit(owner, 1500);
  await meter.admit(owner, 501);
  await assert.rejects(meter.admit(owner, 500), { code: "ThrottlingException", message: "Rate exceeded" });
  await meter.admit(stranger, 2000);
  await assert.rejects(meter.admit(stranger, 500), { code: "ThrottlingException" });
  now += 500;
  await meter.admit(owner, 500);
  await assert.rejects(meter.admit(owner, 100), { code: "ThrottlingException" });
});
