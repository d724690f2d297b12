import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccountId, isAccountId, isTreeHash, isVaultName, vaultArn, vaultNameFromArn } from "@moraine/protocol";

const account = "012345678901" as AccountId;

test("an account id is twelve digits and nothing else", () => {
  assert.equal(isAccountId("012345678901"), true);
  for (const text of [
    "-",
    "",
    "12345678901",
    "1234567890123",
    "1234-5678-90",
    "01234567890a",
    "012345678901\n",
    "٠١٢٣٤٥٦٧٨٩٠١",
  ]) {
    assert.equal(isAccountId(text), false, JSON.stringify(text));
  }
});

test("a vault name has 1 to 255 of its 65 characters", () => {
  for (const name of ["a", "-", "_", "...", ".a", "a..b", "Photos_2012-10.v1", "x".repeat(255)]) {
    assert.equal(isVaultName(name), true, name);
  }
  for (const name of ["", "x".repeat(256), "a b", "testz:z", "a/b", "ä", "a\n", "\0", "%41"]) {
    assert.equal(isVaultName(name), false, JSON.stringify(name));
  }
});

test("the two names that URL parsers take away are no vault names", () => {
  assert.equal(isVaultName("."), false);
  assert.equal(isVaultName(".."), false);
});

test("a tree hash is 64 lowercase hexadecimal digits", () => {
  assert.equal(isTreeHash("0123456789abcdef".repeat(4)), true);
  assert.equal(isTreeHash("0123456789ABCDEF".repeat(4)), false);
  assert.equal(isTreeHash("0".repeat(63)), false);
  assert.equal(isTreeHash("g".repeat(64)), false);
});

test("a vault's ARN names the partition of its region", () => {
  assert.equal(
    vaultArn("us-west-2", account, "examplevault"),
    "arn:aws:glacier:us-west-2:012345678901:vaults/examplevault",
  );
  assert.equal(vaultArn("cn-north-1", account, "v"), "arn:aws-cn:glacier:cn-north-1:012345678901:vaults/v");
  assert.equal(vaultArn("us-gov-west-1", account, "v"), "arn:aws-us-gov:glacier:us-gov-west-1:012345678901:vaults/v");
});

test("a vault's ARN may carry an illegal name as it was sent", () => {
  assert.equal(vaultArn("us-east-1", account, "testz:z"), "arn:aws:glacier:us-east-1:012345678901:vaults/testz:z");
});

test("the name comes back out of a vault's ARN of any partition", () => {
  for (const region of ["us-east-1", "cn-north-1", "us-gov-west-1"]) {
    assert.equal(vaultNameFromArn(vaultArn(region, account, "a.B_c-9")), "a.B_c-9");
  }
});

test("a string that is no vault ARN gives no name", () => {
  for (const text of [
    "",
    "examplevault",
    "arn:aws:glacier:us-east-1:012345678901:vaults/",
    "arn:aws:glacier:us-east-1:012345678901:vaults/a/b",
    "arn:aws:glacier:us-east-1:012345678901:vaults/..",
    "arn:aws:glacier:us-east-1:-:vaults/a",
    "arn:aws:glacier::012345678901:vaults/a",
    "arn:aws:s3:us-east-1:012345678901:vaults/a",
    "arn:aws:glacier:us-east-1:012345678901:vault/a",
    " arn:aws:glacier:us-east-1:012345678901:vaults/a",
  ]) {
    assert.equal(vaultNameFromArn(text), undefined, text);
  }
});
