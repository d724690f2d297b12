import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { finishManifest } from "../../src/manifest/finish-manifest.ts";
import { lineOf } from "../../src/manifest/manifest-entry.ts";
import type { FailedArchive } from "../../src/manifest/report/failures.ts";
import type { RescueFacts } from "../../src/manifest/report/report-page.ts";
import { checkSignature } from "../../src/manifest/signature.ts";
import { readPublicKey, readSigningKey } from "../../src/manifest/signing-key.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { entryFor } from "../support/manifest-entries.ts";

const hostile = `<script>alert("x")</script> & 'quoted'`;
const facts: RescueFacts = {
  vault: `photos ${hostile}`,
  target: "/rescued",
  reportedAt: new Date("2026-11-30T12:34:56.000Z"),
  states: [
    { state: "verified", archives: 3, bytes: 3000 },
    { state: hostile, archives: 0, bytes: 0 },
  ],
  costs: [
    { name: "retrieval", quantity: "3 GB", amount: 0.034 },
    { name: hostile, quantity: "1", amount: null },
  ],
  currency: "USD",
};
const failed: FailedArchive = {
  archiveId: "-failed",
  path: hostile,
  sizeBytes: 5,
  reason: `the job failed: ${hostile}`,
  attempts: 3,
  failedAt: new Date("2026-11-30T12:00:00.000Z"),
};

/** A target with a manifest of these files, which it also has. */
async function targetWith(files: Readonly<Record<string, string>>) {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder(memoryFolder));
  const target = stack.use(await FolderTarget.open(path, { create: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
    await target.documents.append("MANIFEST.jsonl", lineOf(entryFor(name, Buffer.from(text))));
  }
  const whole = stack.move();
  return { path, target, [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose]() };
}

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { signing: readSigningKey(pem, "key.pem"), publicKey };
};

test("sha256sum reads SHA256SUMS, whatever characters names have", async () => {
  const odd = [
    "plain",
    "a b",
    " leading",
    "*star",
    "back\\slash",
    "line\nbreak",
    "\\start",
    "return\rhere",
    "end\r",
    "ü/ñ",
    "-c",
  ];
  await using place = await targetWith(Object.fromEntries(odd.map((name) => [name, `content of ${name}`])));
  await finishManifest(place.target, { facts, failures: [], key: null });
  const check = () =>
    execFileSync("sh", ["-c", "exec sha256sum --check --strict --status SHA256SUMS"], { cwd: place.path });
  check();
  assert.equal((await readFile(join(place.path, "SHA256SUMS"), "utf8")).split("\n").length, odd.length + 1);
  await writeFile(join(place.path, "line\nbreak"), "changed");
  assert.throws(check);
});

test("the report escapes all that comes from elsewhere, and loads nothing", async () => {
  await using place = await targetWith({ a: "x", "b/c": "y".repeat(2000) });
  await finishManifest(place.target, { facts, failures: [failed, failed], key: null });
  const page = await readFile(join(place.path, ".moraine/REPORT.html"), "utf8");
  assert.doesNotMatch(page, /<script|https?:|url\(|@import|\bsrc=|<link|\bon\w+=/i);
  assert.match(page, /&lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt; &amp; &#39;quoted&#39;/);
  assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
  assert.match(page, /Verified at the target<\/th><td class="n">2<\/td><td class="n">2\.0 KiB \(2001 bytes\)<\/td>/);
  assert.match(page, /<tr><th>Failed<\/th><td class="n">2<\/td>/);
  assert.match(page, /<td>retrieval<\/td><td class="n">3 GB<\/td><td class="n">0\.03<\/td>/);
  assert.match(page, /2026-11-30: 2 archives/);
  assert.equal(page.match(/<svg /g)?.length, 3);
});

test("the report is well-formed, with and without failures", async () => {
  for (const failures of [[], [failed]]) {
    await using place = await targetWith({ a: "x" });
    await finishManifest(place.target, { facts, failures, key: null });
    const page = await readFile(join(place.path, ".moraine/REPORT.html"), "utf8");
    const open: string[] = [];
    for (const [, slash, name = "", end] of page.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (slash === "/") {
        assert.equal(open.pop(), name);
      } else if (end !== "/" && name !== "meta") {
        open.push(name);
      }
    }
    assert.deepEqual(open, []);
  }
});

test("an archive that two runs have recorded is counted once", async () => {
  await using place = await targetWith({ a: "x" });
  await place.target.documents.append("MANIFEST.jsonl", lineOf(entryFor("a", Buffer.from("x"))));
  await finishManifest(place.target, { facts, failures: [], key: null });
  const page = await readFile(join(place.path, ".moraine/REPORT.html"), "utf8");
  assert.match(page, /Verified at the target<\/th><td class="n">1</);
});

test("failures are in FAILED.jsonl, a line each", async () => {
  await using place = await targetWith({});
  await finishManifest(place.target, { facts, failures: [failed], key: null });
  const [line = "", ...rest] = (await readFile(join(place.path, ".moraine/FAILED.jsonl"), "utf8")).split("\n");
  const { archiveId, path, reason, attempts } = failed;
  const expected = { archiveId, path, bytes: 5, reason, attempts, failedAt: "2026-11-30T12:00:00.000Z" };
  assert.deepEqual(JSON.parse(line), expected);
  assert.deepEqual(rest, [""]);
});

test("OpenSSL and sha256sum verify a signed manifest, as the documentation says", async () => {
  await using place = await targetWith({ a: "x" });
  const { signing } = newKey();
  await finishManifest(place.target, { facts, failures: [], key: signing });
  const commands = [
    "base64 -d .moraine/MANIFEST.sig > sig",
    "openssl pkeyutl -verify -rawin -pubin -inkey .moraine/MANIFEST.pub -in .moraine/MANIFEST.sha256 -sigfile sig",
    "sha256sum --check --strict .moraine/MANIFEST.sha256",
  ];
  const verify = () =>
    execFileSync("sh", ["-ec", commands.join("\n")], {
      cwd: place.path,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  assert.equal(verify(), "Signature Verified Successfully\nMANIFEST.jsonl: OK\nSHA256SUMS: OK\n");
  await appendFile(join(place.path, ".moraine/MANIFEST.sha256"), "\n");
  assert.throws(verify);
});

test("a signature is valid for the documents that were signed, and for the key that signed them", async () => {
  await using place = await targetWith({ a: "x" });
  const { documents } = place.target;
  assert.deepEqual(await checkSignature(documents, null), { state: "none" });
  const { signing, publicKey } = newKey();
  assert.deepEqual(await checkSignature(documents, publicKey), { state: "invalid", reason: "is missing" });
  await finishManifest(place.target, { facts, failures: [], key: signing });
  const own = await checkSignature(documents, null);
  const named = await checkSignature(documents, publicKey);
  assert.ok(own.state === "valid" && named.state === "valid");
  assert.deepEqual([own.isTrusted, named.isTrusted, own.fingerprint === named.fingerprint], [false, true, true]);
  const foreign = await checkSignature(documents, newKey().publicKey);
  assert.match(foreign.state === "invalid" ? foreign.reason : "", /^is not that of the key [0-9a-f]{64} for /);
  await documents.append("MANIFEST.jsonl", lineOf(entryFor("more", Buffer.from("y"))));
  assert.deepEqual(await checkSignature(documents, publicKey), {
    state: "invalid",
    reason: "is right, but the documents have changed since they were signed",
  });
});

test("keys that cannot sign are refused with the way to make one", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  const locked = generateKeyPairSync("ed25519").privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "x",
  });
  assert.throws(
    () => readSigningKey(String(rsa), "k"),
    /the key k is of type rsa, expected ed25519: make one with openssl genpkey/,
  );
  assert.throws(
    () => readSigningKey(String(locked), "k"),
    /cannot read the key k: expected a private key in PEM without a passphrase/,
  );
  assert.throws(() => readSigningKey("nonsense", "k"), { name: "UsageError" });
  assert.throws(() => readPublicKey("nonsense", "k"), { name: "UsageError" });
});
