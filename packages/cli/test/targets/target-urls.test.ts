import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { openTarget } from "../../src/targets/open-target.ts";
import { parseBucketUrl } from "../../src/targets/s3/bucket-url.ts";
import { keyOf } from "../../src/targets/s3/s3-key.ts";
import { isOfArchive, metadataOf } from "../../src/targets/s3/s3-metadata.ts";
import { targetCredentials } from "../../src/targets/target-credentials.ts";
import { parseVaultUrl } from "../../src/targets/vault/vault-url.ts";
import { archiveOf } from "../support/archive-in-memory.ts";

test("places of buckets are read as the server's --blobs are", () => {
  assert.deepEqual(parseBucketUrl("s3://my-bucket//a/b/?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=eu-west-1"), {
    bucket: "my-bucket",
    prefix: "a/b/",
    endpoint: "http://127.0.0.1:1",
    region: "eu-west-1",
    name: "s3://my-bucket/a/b",
  });
  assert.deepEqual(parseBucketUrl("s3://my-bucket").prefix, "");
  for (const [text, message] of [
    ["s3://", /^Invalid target "s3:\/\/": expected s3:\/\/BUCKET\/PREFIX\?endpoint=URL&region=NAME$/],
    ["s3://UPPER/x", /^Invalid target/],
    ["s3://my-bucket/x#y", /^Invalid target/],
    ["s3://my-bucket/?key=x", /^Unknown setting "key" in "s3:\/\/my-bucket\/\?key=x": expected endpoint or region$/],
    ["s3://my-bucket/?endpoint=nowhere", /^Invalid endpoint "nowhere": expected a URL like/],
    ["s3://my-bucket/?endpoint=http://me:secret@host", /without credentials$/],
  ] as const) {
    assert.throws(() => parseBucketUrl(text), { name: "InvalidTargetError", message });
  }
});

test("vaults are named with their service: a URL, or a region of AWS", () => {
  assert.deepEqual(parseVaultUrl("vault:my.vault_1@http://127.0.0.1:8484"), {
    vaultName: "my.vault_1",
    endpoint: "http://127.0.0.1:8484/",
    region: "us-east-1",
  });
  assert.deepEqual(parseVaultUrl("vault:v@https://host?region=eu-west-1").region, "eu-west-1");
  const ofAws = parseVaultUrl("vault:v@aws:eu-central-1");
  assert.deepEqual(
    [ofAws.region, new URL(ofAws.endpoint).hostname],
    ["eu-central-1", "glacier.eu-central-1.amazonaws.com"],
  );
  for (const [text, message] of [
    ["vault:v", /^Invalid target "vault:v": expected vault:NAME@https/],
    ["vault:a/b@https://host", /^Invalid target/],
    ["vault:v@host:8484", /^Invalid target/],
    ["vault:v@https://host?prefix=x", /^Unknown setting "prefix"/],
  ] as const) {
    assert.throws(() => parseVaultUrl(text), { name: "InvalidTargetError", message });
  }
  assert.throws(
    () => parseVaultUrl("vault:v@https://me:secret@host"),
    ({ message }: Error) => /has credentials/.test(message) && !message.includes("secret@"),
  );
});

test("a target is opened by the form of its name", async () => {
  await using folder = await temporaryFolder(memoryFolder);
  const options = {
    environment: { MORAINE_TARGET_ACCESS_KEY_ID: "a", MORAINE_TARGET_SECRET_ACCESS_KEY: "b" },
    pathOf: (name: string) => resolve(folder.path, name),
    stateFolder: folder.path,
    create: true,
  };
  for (const [text, kind] of [
    ["new/folder", "FolderTarget"],
    ["s3://my-bucket/x?region=us-east-1", "S3Target"],
    ["vault:v@http://127.0.0.1:9", "VaultTarget"],
  ] as const) {
    await using target = await openTarget(text, options);
    assert.equal(target.constructor.name, kind);
  }
  await assert.rejects(openTarget("gs://bucket", options), { name: "InvalidTargetError" });
  await assert.rejects(openTarget("missing", { ...options, create: false }), { name: "TargetUnavailableError" });
});

test("a target's own keys come from the environment, both or neither", async () => {
  const keys = { MORAINE_TARGET_ACCESS_KEY_ID: "id", MORAINE_TARGET_SECRET_ACCESS_KEY: "secret" };
  assert.equal(await targetCredentials({}), undefined);
  const find = await targetCredentials({ ...keys, MORAINE_TARGET_SESSION_TOKEN: "token" });
  assert.deepEqual(await find?.(), { accessKeyId: "id", secretAccessKey: "secret", sessionToken: "token" });
  await assert.rejects(targetCredentials({ MORAINE_TARGET_ACCESS_KEY_ID: "id" }), { name: "InvalidTargetError" });
  const ofProfile = await targetCredentials(keys, "no-such-profile-of-tests");
  await assert.rejects(Promise.resolve(ofProfile?.()), /profile "no-such-profile-of-tests" does not exist/);
});

test("an object's metadata fits in headers, and has the time as rclone reads it", () => {
  const facts = archiveOf(1, 10).facts;
  const plain = metadataOf({ ...facts, modifiedAt: new Date("2019-03-01T10:15:00.500Z"), description: "a b/c-1.txt" });
  assert.deepEqual(plain, {
    "moraine-tree-hash": facts.treeHash,
    "moraine-archive-id": facts.archiveId,
    mtime: "1551435300.500",
    "moraine-description": "a b/c-1.txt",
  });
  assert.equal(metadataOf({ ...facts, modifiedAt: null })["mtime"], undefined);
  for (const description of ["ü €", " two  spaces ", "100%", "\0\r\nx: y", "\ud800"]) {
    const encoded = metadataOf({ ...facts, description })["moraine-description"] ?? "";
    assert.match(encoded, /^[\x21-\x7e]( ?[\x21-\x7e])*$/);
    assert.equal(decodeURIComponent(encoded), description.toWellFormed());
  }
  const long = metadataOf({ ...facts, description: "ü".repeat(1024) });
  assert.equal(long["moraine-description"], undefined);
  assert.ok(isOfArchive(plain, facts));
  assert.ok(!isOfArchive({ ...plain, "moraine-tree-hash": "0" }, facts));
  assert.ok(!isOfArchive(undefined, facts));
});

test("keys are paths; one that is too long for S3 is cut at a character, and made unique by its hash", () => {
  assert.equal(keyOf("a/ü", "p/"), "a/ü");
  const long = Array.from({ length: 5 }, () => "ü".repeat(125)).join("/");
  const [one, other] = [keyOf(`${long}1`, "prefix/"), keyOf(`${long}2`, "prefix/")];
  assert.notEqual(one, other);
  for (const key of [one, other]) {
    assert.ok(Buffer.byteLength(`prefix/${key}`) <= 1024);
    assert.ok(!key.includes("\ufffd"));
  }
  for (const path of ["../x", "/x", "a//b", ".moraine/x", "MANIFEST.jsonl", "sha256sums"]) {
    assert.throws(() => keyOf(path, ""), /Invalid path in a target/);
  }
});
