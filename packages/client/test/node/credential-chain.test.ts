import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { defaultCredentials } from "@moraine/client/node";

let folder: string;
const ofEnvironment = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-credentials-"));
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(folder, "credentials");
  process.env["AWS_CONFIG_FILE"] = join(folder, "config");
  process.env["AWS_EC2_METADATA_DISABLED"] = "true";
  for (const name of ofEnvironment) {
    delete process.env[name];
  }
});

after(() => rm(folder, { recursive: true }));

const writeFiles = (credentials: string, config = "") =>
  Promise.all([writeFile(join(folder, "credentials"), credentials), writeFile(join(folder, "config"), config)]);

const keysOf = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret-${id}\n`;

test("finds keys in the files of AWS's tools, of the default profile and of a named one", async () => {
  await writeFiles(`[default]\n${keysOf("AKIAONE")}`, `[profile backup]\n${keysOf("AKIATWO")}`);
  assert.equal((await defaultCredentials()()).accessKeyId, "AKIAONE");
  const { secretAccessKey, sessionToken } = await defaultCredentials({ profile: "backup" })();
  assert.deepEqual([secretAccessKey, sessionToken], ["secret-AKIATWO", undefined]);
});

test("reads the files again when fresh credentials are asked for", async () => {
  await writeFiles(`[default]\n${keysOf("AKIAOLD")}aws_session_token = one\n`);
  const find = defaultCredentials();
  assert.equal((await find()).sessionToken, "one");
  await writeFiles(`[default]\n${keysOf("AKIANEW")}aws_session_token = two\n`);
  assert.deepEqual(await find({ forceRefresh: true }), {
    accessKeyId: "AKIANEW",
    secretAccessKey: "secret-AKIANEW",
    sessionToken: "two",
  });
});

test("leaves a profile that leads to a process to AWS's own chain, next to keys of the same file", async () => {
  const printed = JSON.stringify({ Version: 1, AccessKeyId: "AKIAPROCESS", SecretAccessKey: "of-a-process" });
  await writeFile(join(folder, "printed.json"), printed);
  await writeFiles(
    `[default]\n${keysOf("AKIAONE")}`,
    `[profile tool]\ncredential_process = cat ${join(folder, "printed.json")}\n`,
  );
  assert.equal((await defaultCredentials({ profile: "tool" })()).accessKeyId, "AKIAPROCESS");
});

test("passes on when keys of the environment expire", async () => {
  const keys = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "of-the-environment" };
  Object.assign(process.env, keys, { AWS_CREDENTIAL_EXPIRATION: "2030-01-02T03:04:05Z" });
  try {
    const { accessKeyId, expiration } = await defaultCredentials()();
    assert.deepEqual([accessKeyId, expiration], ["AKIAENV", new Date("2030-01-02T03:04:05Z")]);
  } finally {
    for (const name of [...Object.keys(keys), "AWS_CREDENTIAL_EXPIRATION"]) {
      delete process.env[name];
    }
  }
});
