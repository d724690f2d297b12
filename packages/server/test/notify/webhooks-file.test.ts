import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readWebhooks } from "../../src/notify/webhooks-file.ts";

const topic = "arn:aws:sns:us-east-1:123456789012:done";
const url = "https://hooks.example/glacier";
const secret = "correct horse battery";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-webhooks-"));
});
after(() => rm(folder, { recursive: true }));

async function read(content: unknown) {
  const path = join(folder, "webhooks.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return readWebhooks(path);
}

test("topics lead to webhooks, at public addresses and with the system's authorities unless said otherwise", async () => {
  await writeFile(join(folder, "ca.pem"), "an authority");
  const other = "arn:aws-cn:sns:cn-north-1:123456789012:other.fifo";
  const webhooks = await read({
    [topic]: { url, secret },
    [other]: { url: `${url}?a=b`, secret, allowPrivateAddresses: true, caFile: "ca.pem" },
  });
  assert.deepEqual([...webhooks.keys()], [topic, other]);
  const [first, second] = [...webhooks.values()];
  assert.equal(first?.url.href, url);
  assert.equal(first?.allowPrivateAddresses, false);
  assert.equal(first?.ca, null);
  assert.equal(second?.url.href, `${url}?a=b`);
  assert.equal(second?.allowPrivateAddresses, true);
  assert.equal(second?.ca, "an authority");
  assert.equal(first?.secret.sign("text"), second?.secret.sign("text"));
});

test("no webhook at all is fine", async () => {
  assert.equal((await read({})).size, 0);
});

const mistakes: Readonly<Record<string, unknown>> = {
  "no JSON": `{"${topic}": {"url": "${url}", "secret": "${secret}",, }}`,
  "no JSON from the secret on": `{"secret": ${secret}}`,
  "no object": [{ url, secret }],
  "a topic that is none": { done: { url, secret } },
  "a queue": { "arn:aws:sqs:us-east-1:123456789012:done": { url, secret } },
  "no URL": { [topic]: { secret } },
  "a URL that is none": { [topic]: { url: "hooks", secret } },
  "plain HTTP": { [topic]: { url: "http://hooks.example/", secret } },
  "another scheme": { [topic]: { url: "file:///etc/passwd", secret } },
  "a user in the URL": { [topic]: { url: "https://me@hooks.example/", secret } },
  "a password in the URL": { [topic]: { url: `https://:${encodeURIComponent(secret)}@hooks.example/`, secret } },
  "a fragment": { [topic]: { url: `${url}#x`, secret } },
  "no secret": { [topic]: { url } },
  "a short secret": { [topic]: { url, secret: "short" } },
  "a secret that is no text": { [topic]: { url, secret: 1234567890123456 } },
  "an unknown field": { [topic]: { url, secret, follow: true } },
  "a word for a truth": { [topic]: { url, secret, allowPrivateAddresses: "yes" } },
  "an authority that is not there": { [topic]: { url, secret, caFile: "missing.pem" } },
};

for (const [mistake, content] of Object.entries(mistakes)) {
  test(`refused, without telling the secret: ${mistake}`, async () => {
    await assert.rejects(read(content), ({ message }: Error) => {
      assert.match(message, /(webhooks\.json( is not JSON|: .+: .+)|missing\.pem)/);
      for (const hidden of ["correct", "battery", "short", "1234567890123456"]) {
        assert.ok(!message.includes(hidden), message);
      }
      return true;
    });
  });
}

test("a file that is not there is refused by its name", async () => {
  await assert.rejects(readWebhooks(join(folder, "none.json")), /ENOENT.*none\.json/);
});
