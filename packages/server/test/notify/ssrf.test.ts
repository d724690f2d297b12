import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AccountId, JobId } from "@moraine/protocol";
import { checkedAddresses, type Resolve, systemResolve } from "../../src/notify/checked-addresses.ts";
import { WebhookSecret, webhookNotifier } from "../../src/notify/webhook.ts";
import { selfSigned } from "../support/certificate.ts";
import { answerWith, type Receiver, startReceiver } from "../support/receiver.ts";

// A webhook's URL, or whoever answers for its name, must not lead the server to itself or into its own network.

let folder: string;
let receiver: Receiver;
let ca: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-ssrf-"));
  const tls = await selfSigned(folder, "IP:127.0.0.1,DNS:hooks.example");
  ca = tls.cert;
  receiver = await startReceiver({ answer: answerWith(200), tls });
});
after(async () => {
  await receiver.stop();
  await rm(folder, { recursive: true });
});

function send(url: URL, resolve: Resolve, allowPrivateAddresses = false): Promise<void> {
  const topic = "arn:aws:sns:us-east-1:123456789012:done";
  const secret = new WebhookSecret("a secret of this test");
  const webhooks = new Map([[topic, { url, secret, allowPrivateAddresses, ca }]]);
  const notifier = webhookNotifier({ webhooks, systemNow: () => new Date(0), resolve });
  const accountId = "123456789012" as AccountId;
  const notification = { id: "1", accountId, vaultArn: "", jobId: "job" as JobId, topic, message: "{}", createdAt: 0 };
  return notifier.notify(notification, new AbortController().signal);
}

const notPublic = { name: "DeliveryError", message: "the endpoint's address is not public" };

/** The ways in which URLs, resolvers and operating systems have been known to read an address of IPv4. */
function waysToWrite(address: string): string[] {
  const bytes = address.split(".").map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  const wide = (text: string) => text.replace(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
  return [
    address,
    `${address}.`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    String(number),
    `0x${hex}`,
    `0X${hex.toUpperCase()}`,
    `0${number.toString(8)}`,
    bytes.map((byte) => `0x${byte.toString(16)}`).join("."),
    bytes.map((byte) => `0${byte.toString(8)}`).join("."),
    bytes.map((byte) => `000${byte.toString(8)}`).join("."),
    `0x${a.toString(16)}.${b}.0${c.toString(8)}.${d}`,
    wide(address),
    address.replaceAll(".", "\u3002"),
    address.replaceAll(".", "%2e"),
    address.replace(/^[0-9]/, (digit) => `%3${digit}`),
    address.replace(".", "\u00ad."),
    `[::ffff:${address}]`,
    `[::ffff:${groups}]`,
    `[0:0:0:0:0:ffff:${groups}]`,
    `[::${address}]`,
    `[::ffff:0:${address}]`,
    `[64:ff9b::${groups}]`,
    `[64:ff9b:1::${groups}]`,
    `[2002:${groups}::]`,
    `[2001:0:${groups}::1]`,
  ];
}

const hosts = [
  ...["127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1"].flatMap(
    waysToWrite,
  ),
  ...["localhost", "LOCALHOST", "\uff4cocalhost", "127.1", "127.0.0.2", "127.255.255.254", "0", "0x0"],
  ...["[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000::0001]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]"],
  ...["224.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.7", "168.63.129.16", "[fec0::1]", "[2001:db8::1]"],
];

test("no way to write a private address in a URL leads there", async () => {
  let refused = 0;
  for (const host of hosts) {
    const text = `https://${host}:${receiver.port}/`;
    const url = URL.parse(text);
    // A value that the file of webhooks refuses as a URL never gets so far.
    if (url !== null) {
      await assert.rejects(send(url, systemResolve), notPublic, text);
      refused += 1;
    }
  }
  assert.ok(refused >= 200, `${refused} of ${hosts.length}`);
  assert.equal(receiver.connections, 0);
});

const publicAddresses = ["8.8.8.8", "2606:4700::1111"];
const privateAddresses = [
  ...["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254"],
  ...["100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%eth0"],
  ...["fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"],
  ...["2001:0:7f00:1::1", "64:ff9b:1::a00:1", "not an address", ""],
];

test("no response of a resolver leads to a private address, alone or among public ones", async () => {
  const url = new URL(`https://hooks.example:${receiver.port}/`);
  for (const address of privateAddresses) {
    for (const answer of [[address], [...publicAddresses, address], [address, ...publicAddresses]]) {
      await assert.rejects(
        send(url, async () => answer),
        notPublic,
        answer.join(),
      );
    }
  }
  assert.equal(receiver.connections, 0);
});

test("a name that is rebound after it was checked leads where it was checked, and is asked for once", async () => {
  const url = new URL(`https://hooks.example:${receiver.port}/`);
  await using elsewhere = await startReceiver({ answer: answerWith(200), host: "127.0.0.2", port: receiver.port });
  const answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]];
  const asked: string[] = [];
  const rebinding: Resolve = async (hostname) => {
    asked.push(hostname);
    return answers.shift() ?? [];
  };
  const before = receiver.requests.length;
  await send(url, rebinding, true);
  assert.deepEqual(asked, ["hooks.example"]);
  assert.equal(receiver.requests.length, before + 1);
  assert.equal(elsewhere.connections, 0);
});

test("a name that is rebound between two attempts is checked again", async () => {
  const url = new URL(`https://hooks.example:${receiver.port}/`);
  const before = receiver.connections;
  const answers = [publicAddresses, ["127.0.0.1"]];
  const rebinding: Resolve = async () => answers.shift() ?? [];
  const options = { resolve: rebinding, allowPrivateAddresses: false };
  assert.deepEqual(await checkedAddresses(url, options), publicAddresses);
  await assert.rejects(send(url, rebinding), notPublic);
  assert.equal(receiver.connections, before);
});

test("where private addresses are allowed, everything else still holds", async () => {
  const before = receiver.requests.length;
  await send(new URL(`https://127.0.0.1:${receiver.port}/`), systemResolve, true);
  assert.equal(receiver.requests.length, before + 1);
  await assert.rejects(send(new URL(`http://127.0.0.1:${receiver.port}/`), systemResolve, true), {
    message: "the endpoint is not https",
  });
});
