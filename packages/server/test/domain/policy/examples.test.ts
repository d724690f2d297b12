import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { asked, owner, root, user, vault } from "./asking.ts";

/** AWS's examples: https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock-policy.html */

test("a retention lock denies deletes to everyone until an archive is old enough, the owner's root included", () => {
  const lock = parseVaultPolicy(
    `{"Version":"2012-10-17","Statement":[{"Sid":"x","Principal":"*","Effect":"Deny","Action":"glacier:DeleteArchive","Resource":["${vault}"],"Condition":{"NumericLessThan":{"glacier:ArchiveAgeInDays":"365"}}}]}`,
    vault,
  );
  for (const principal of [root(owner), user(owner, "bob"), root("210987654321")]) {
    const atAge = (days: string) =>
      asked({
        resource: [lock],
        principal,
        action: "glacier:DeleteArchive",
        context: { "glacier:archiveageindays": days },
      });
    assert.equal(atAge("0").reason, "explicit-deny");
    assert.equal(atAge("364").reason, "explicit-deny");
    assert.notEqual(atAge("365").reason, "explicit-deny");
    assert.notEqual(atAge("10000").reason, "explicit-deny");
  }
  assert.equal(
    asked({ resource: [lock], principal: root(owner), action: "glacier:UploadArchive" }).reason,
    "owner-root",
  );
  assert.deepEqual([...lock.conditionKeys], ["glacier:archiveageindays"]);
});

test("a legal hold denies deletes while the vault's tag says true, or is empty", () => {
  const hold = parseVaultPolicy(
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "no-one-can-delete-any-archive-from-vault",
          Principal: "*",
          Effect: "Deny",
          Action: ["glacier:DeleteArchive"],
          Resource: [vault],
          Condition: { StringLike: { "glacier:ResourceTag/LegalHold": ["true", ""] } },
        },
      ],
    }),
    vault,
  );
  const tagged = (value: string | undefined) =>
    asked({
      resource: [hold],
      action: "glacier:DeleteArchive",
      context: value === undefined ? {} : { "glacier:resourcetag/legalhold": value },
    }).reason;
  assert.equal(tagged("true"), "explicit-deny");
  assert.equal(tagged(""), "explicit-deny");
  assert.equal(tagged("false"), "owner-root");
  assert.equal(tagged("True"), "owner-root");
  assert.equal(tagged(undefined), "owner-root");
});
