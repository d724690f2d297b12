import assert from "node:assert/strict";
import { createCipheriv, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { type Keyring, openKeyring, type PlainSecret } from "../../src/auth/keyring.ts";
import { ensureRootKey } from "../../src/auth/root-key.ts";
import { SealedCredentialStore } from "../../src/auth/sealed-credentials.ts";
import type { SealedAccessKey } from "../../src/domain/stores/identity-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { key as accessKey } from "./signing.ts";

const sealingKey = randomBytes(32);
const { accountId, accessKeyId, secretAccessKey } = accessKey;
const key: PlainSecret = { accountId, accessKeyId, secretAccessKey };
const other: PlainSecret = {
  ...key,
  accessKeyId: "AKIAI44QH8DHBEXAMPLE",
  secretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvb",
};
const open = (store: MetadataStore, sealing = sealingKey, previous: Buffer | null = null): Promise<Keyring> =>
  openKeyring(store, { sealingKey: sealing, previous, now: 1 });
const wrongKey = { message: /^The sealing key is not the one that the database's secrets were sealed with/ };

let metadata: MetadataStore;
let keyring: Keyring;
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  keyring = await open(metadata);
});
afterEach(() => metadata.close());

describe("a sealed secret", () => {
  test("opens to what it was, and is sealed differently each time", () => {
    assert.equal(keyring.open(keyring.seal(key)), secretAccessKey);
    assert.equal(keyring.open(keyring.seal({ ...key, secretAccessKey: "" })), "");
    assert.notDeepEqual(keyring.seal(key).sealedSecret, keyring.seal(key).sealedSecret);
  });

  test("opens only in its own row", () => {
    const [mine, theirs] = [keyring.seal(key), keyring.seal(other)];
    assert.throws(() => keyring.open({ ...mine, sealedSecret: theirs.sealedSecret }));
    assert.throws(() => keyring.open({ ...theirs, sealedSecret: mine.sealedSecret }));
    assert.throws(() => keyring.open({ ...mine, accountId: "999999999999" as AccountId }));
    assert.throws(() => keyring.open({ ...mine, accessKeyId: other.accessKeyId }));
  });

  test("does not open with any byte changed, or cut anywhere, a shorter tag included", () => {
    for (const secret of [secretAccessKey, ""]) {
      const sealed = keyring.seal({ ...key, secretAccessKey: secret });
      for (let at = 0; at < sealed.sealedSecret.length; at += 1) {
        const damaged = Buffer.from(sealed.sealedSecret);
        damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
        assert.throws(() => keyring.open({ ...sealed, sealedSecret: damaged }), `byte ${at}`);
        assert.throws(
          () => keyring.open({ ...sealed, sealedSecret: sealed.sealedSecret.subarray(0, at) }),
          `cut ${at}`,
        );
      }
    }
  });

  test("does not open with the sealing key itself, for that wraps the data key only", async () => {
    const sealed = keyring.seal(key);
    const elsewhere = await openInlineStore(":memory:");
    const another = await open(elsewhere);
    assert.throws(() => another.open(sealed), /sealed in a way this version does not know/);
    await elsewhere.close();
  });
});

describe("the sealing key", () => {
  test("has to be the right one, or nothing starts and nothing is written", async () => {
    await metadata.putRootKey({ ...keyring.seal(key), now: 1 });
    const before = await metadata.dataKeys();
    await assert.rejects(open(metadata, randomBytes(32)), wrongKey);
    await assert.rejects(open(metadata, randomBytes(32), randomBytes(32)), wrongKey);
    assert.deepEqual(await metadata.dataKeys(), before);
  });

  test("is changed by wrapping the data key again: secrets stay as they are, and the old key opens nothing", async () => {
    await metadata.putRootKey({ ...keyring.seal(key), now: 1 });
    const sealedBefore = await metadata.findAccessKey(accessKeyId);
    const next = randomBytes(32);
    const rotated = await open(metadata, next, sealingKey);
    const sealed = await metadata.findAccessKey(accessKeyId);
    assert.deepEqual(sealed, sealedBefore);
    assert.equal(rotated.open(sealed as SealedAccessKey), secretAccessKey);
    await assert.rejects(open(metadata), wrongKey);
    assert.equal((await open(metadata, next)).open(sealed as SealedAccessKey), secretAccessKey);
    // Left in the settings after the change, the old key does no harm.
    assert.equal((await open(metadata, next, sealingKey)).open(sealed as SealedAccessKey), secretAccessKey);
  });
});

describe("secrets that the first release sealed", () => {
  for (const changed of [false, true]) {
    test(`open, and are sealed again at the start${changed ? ", also when the sealing key changes then" : ""}`, async () => {
      const old = await openInlineStore(":memory:");
      await old.putRootKey({ ...sealedByFirstRelease(key), now: 1 });
      await old.putRootKey({ ...sealedByFirstRelease(other), now: 1 });
      await assert.rejects(open(old, randomBytes(32)), wrongKey);
      assert.deepEqual(await old.dataKeys(), []);
      const next = randomBytes(32);
      const opened = changed ? await open(old, next, sealingKey) : await open(old);
      for (const { accessKeyId: id, secretAccessKey: secret } of [key, other]) {
        const sealed = await old.findAccessKey(id);
        assert.equal(sealed?.sealedSecret[0], 2);
        assert.equal(opened.open(sealed as SealedAccessKey), secret);
      }
      assert.equal(await isRefused(open(old, next)), !changed);
      await old.close();
    });
  }

  test("open only for the account that they were sealed for", async () => {
    const moved = { ...sealedByFirstRelease(key), accountId: "999999999999" as AccountId };
    await metadata.putRootKey({ ...moved, now: 1 });
    await assert.rejects(open(metadata), wrongKey);
  });
});

test("the database, its log and a copy of it hold the secret in no encoding", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-sealed-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "metadata.sqlite");
  const store = await openInlineStore(path);
  const ring = await open(store);
  await ensureRootKey(store, {
    accountId,
    given: key,
    keyring: ring,
    unshownKeyId: null,
    now: 1,
    log: { warn: () => undefined },
  });
  await store.createUser({ id: "AIDA", accountId, userName: "bob", createdAt: 1 });
  await store.addAccessKey({ key: ring.seal(other), userName: "bob", now: 1 });
  assert.equal(
    (await new SealedCredentialStore(store, ring).findAccessKey(accessKeyId))?.secretAccessKey,
    secretAccessKey,
  );
  const copy = new DatabaseSync(path);
  copy.exec(`VACUUM INTO '${join(folder, "backup.sqlite")}'`);
  copy.close();
  for (const secret of [secretAccessKey, other.secretAccessKey]) {
    assertNowhere(await filesOf(folder), secret);
  }
  await store.close();
  for (const secret of [secretAccessKey, other.secretAccessKey]) {
    assertNowhere(await filesOf(folder), secret);
  }
});

describe("the store of credentials", () => {
  test("fails on a secret that does not open, and never takes it for an empty one", async () => {
    await metadata.putRootKey({ ...keyring.seal(other), accessKeyId, now: 1 });
    await assert.rejects(new SealedCredentialStore(metadata, keyring).findAccessKey(accessKeyId));
    assert.equal(await new SealedCredentialStore(metadata, keyring).findAccessKey("AKIAUNKNOWN"), null);
  });

  test("remembers a key until it must forget it, also while it is being looked up", async () => {
    await metadata.putRootKey({ ...keyring.seal(key), now: 1 });
    await metadata.putRootKey({ ...keyring.seal(other), now: 1 });
    const disable = () => metadata.setAccessKeyActive({ accountId, accessKeyId, userName: null, active: false });
    const store = new SealedCredentialStore(metadata, keyring);
    await store.findAccessKey(accessKeyId);
    await disable();
    assert.notEqual(await store.findAccessKey(accessKeyId), null);
    store.forgetAll();
    assert.equal(await store.findAccessKey(accessKeyId), null);

    // The row that was read before the change arrives after it.
    await metadata.setAccessKeyActive({ accountId, accessKeyId, userName: null, active: true });
    const arrival = Promise.withResolvers<void>();
    const findAccessKey: MetadataStore["findAccessKey"] = async (id) => {
      const found = await metadata.findAccessKey(id);
      await arrival.promise;
      return found;
    };
    const slow = new SealedCredentialStore({ ...metadata, findAccessKey }, keyring);
    const underWay = slow.findAccessKey(accessKeyId);
    await disable();
    slow.forgetAll();
    arrival.resolve();
    assert.notEqual(await underWay, null);
    assert.equal(await slow.findAccessKey(accessKeyId), null);
  });
});

/** Version 1: sealed with the sealing key itself. Shared with no code of ours. */
function sealedByFirstRelease({ secretAccessKey: secret, ...id }: PlainSecret): SealedAccessKey {
  const nonce = randomBytes(12);
  const seal = createCipheriv("aes-256-gcm", sealingKey, nonce).setAAD(
    Buffer.from(`1/${id.accountId}/${id.accessKeyId}`),
  );
  const encrypted = Buffer.concat([seal.update(secret), seal.final()]);
  return { ...id, sealedSecret: Buffer.concat([Buffer.of(1), nonce, seal.getAuthTag(), encrypted]) };
}

const isRefused = (opening: Promise<Keyring>): Promise<boolean> =>
  opening.then(
    () => false,
    () => true,
  );

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
