import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { ensureRootKey } from "../../src/auth/root-key.ts";
import { openAccessKey, SealedCredentialStore, sealAccessKey } from "../../src/auth/sealed-credentials.ts";
import type { AccessKey } from "../../src/domain/credential-store.ts";
import { openInlineStore } from "../../src/storage/metadata/inline-store.ts";
import { key } from "./signing.ts";

const sealingKey = randomBytes(32);
const other: AccessKey = {
  ...key,
  accessKeyId: "AKIAI44QH8DHBEXAMPLE",
  secretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvb",
};

test("a sealed key opens to what it was", () => {
  assert.deepEqual(openAccessKey(sealAccessKey(key, sealingKey), sealingKey), key);
});

test("the same key is sealed differently each time", () => {
  const [first, second] = [sealAccessKey(key, sealingKey), sealAccessKey(key, sealingKey)];
  assert.notDeepEqual(first.sealedSecret, second.sealedSecret);
});

test("another sealing key opens nothing", () => {
  assert.throws(() => openAccessKey(sealAccessKey(key, sealingKey), randomBytes(32)));
});

test("a sealed secret opens only in its own row", () => {
  const [mine, theirs] = [sealAccessKey(key, sealingKey), sealAccessKey(other, sealingKey)];
  assert.throws(() => openAccessKey({ ...mine, sealedSecret: theirs.sealedSecret }, sealingKey));
  assert.throws(() => openAccessKey({ ...theirs, sealedSecret: mine.sealedSecret }, sealingKey));
  assert.throws(() => openAccessKey({ ...mine, accountId: "999999999999" as AccountId }, sealingKey));
  assert.throws(() => openAccessKey({ ...mine, accessKeyId: other.accessKeyId }, sealingKey));
});

test("a sealed secret with any byte changed, or cut anywhere, does not open", () => {
  const sealed = sealAccessKey(key, sealingKey);
  for (let at = 0; at < sealed.sealedSecret.length; at += 1) {
    const damaged = Buffer.from(sealed.sealedSecret);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    assert.throws(() => openAccessKey({ ...sealed, sealedSecret: damaged }, sealingKey), `byte ${at}`);
    const cut = sealed.sealedSecret.subarray(0, at);
    assert.throws(() => openAccessKey({ ...sealed, sealedSecret: cut }, sealingKey), `cut at ${at}`);
  }
});

test("a short tag, which could be guessed, does not open even what it fits", () => {
  const sealed = sealAccessKey({ ...key, secretAccessKey: "" }, sealingKey);
  assert.equal(openAccessKey(sealed, sealingKey).secretAccessKey, "");
  for (let cut = 1; cut <= 16; cut += 1) {
    const sealedSecret = sealed.sealedSecret.subarray(0, -cut);
    assert.throws(() => openAccessKey({ ...sealed, sealedSecret }, sealingKey), `${16 - cut} bytes of the tag`);
  }
});

test("the database and all beside it hold the secret in no encoding", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-sealed-"));
  context.after(() => rm(folder, { recursive: true }));
  const metadata = await openInlineStore(join(folder, "metadata.sqlite"));
  await ensureRootKey(metadata, { accountId: key.accountId, given: key, sealingKey, now: 1 });
  const credentials = new SealedCredentialStore(metadata, sealingKey);
  assert.deepEqual(await credentials.findAccessKey(key.accessKeyId), key);
  assertNowhere(await filesOf(folder), key.secretAccessKey);
  await metadata.close();
  assertNowhere(await filesOf(folder), key.secretAccessKey);
});

test("a key from another sealing key is a failure, and never an empty secret", async () => {
  const metadata = await openInlineStore(":memory:");
  await ensureRootKey(metadata, { accountId: key.accountId, given: key, sealingKey, now: 1 });
  await assert.rejects(new SealedCredentialStore(metadata, randomBytes(32)).findAccessKey(key.accessKeyId));
  assert.equal(await new SealedCredentialStore(metadata, sealingKey).findAccessKey("AKIAUNKNOWN"), null);
  await metadata.close();
});

async function filesOf(folder: string): Promise<Buffer> {
  const names = await readdir(folder);
  assert.ok(names.length > 0);
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, name)))));
}

/** Base64 of a text depends on where it begins, so each of the three phases is looked for. */
function assertNowhere(haystack: Buffer, secret: string): void {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((phase) =>
    Buffer.concat([Buffer.alloc(phase), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  const needles = [
    bytes,
    Buffer.from(secret, "utf16le"),
    Buffer.from(bytes).reverse(),
    ...[bytes.toString("hex"), bytes.toString("hex").toUpperCase(), encodeURIComponent(secret), ...base64].map((text) =>
      Buffer.from(text),
    ),
    ...base64.map((text) => Buffer.from(text.replaceAll("+", "-").replaceAll("/", "_"))),
    bytes.subarray(0, 10),
    bytes.subarray(-10),
  ];
  for (const needle of needles) {
    assert.equal(haystack.indexOf(needle), -1, `${needle.length} bytes of the secret were found`);
  }
}
