import assert from "node:assert/strict";
import { test } from "node:test";
import { ParsedPolicies } from "../../src/auth/parsed-policies.ts";
import { PolicyError } from "../../src/domain/policy/parse.ts";

const policy = (id: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Id: id.padEnd(19_000, "."),
    Statement: { Effect: "Allow", Action: "glacier:ListVaults", Resource: "*" },
  });

test("a policy is read once, and again only after many others have been", () => {
  const parsed = new ParsedPolicies();
  const first = parsed.identity(policy("first"));
  assert.equal(parsed.identity(policy("first")), first);
  for (let other = 0; other < 50; other += 1) {
    parsed.identity(policy(`other ${other}`));
  }
  assert.equal(parsed.identity(policy("first")), first);
  for (let other = 50; other < 200; other += 1) {
    parsed.identity(policy(`other ${other}`));
  }
  assert.notEqual(parsed.identity(policy("first")), first, "memory does not grow with the number of policies");
});

test("a policy that cannot be understood is refused each time it is met", () => {
  const parsed = new ParsedPolicies();
  for (let time = 0; time < 2; time += 1) {
    assert.throws(() => parsed.identity("{}"), PolicyError);
  }
});
