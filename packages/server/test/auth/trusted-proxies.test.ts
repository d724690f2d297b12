import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Network, readNetwork } from "../../src/domain/policy/conditions/addresses.ts";
import { originOf } from "../../src/http/connections/client-origin.ts";
import { allow, grant, makeUser } from "../support/admin.ts";
import { createVault, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

const networks = (...texts: readonly string[]): Network[] =>
  texts.map((text) => readNetwork(text)).filter((network) => network !== undefined);

const trusted = networks("192.0.2.0/24", "2001:db8:1::/48");
/** A connection without TLS. */
const from = (remoteAddress: string) => ({ remoteAddress }) as Socket;

describe("the client of a request", () => {
  const cases: Array<[what: string, peer: string, forwarded: string[], client: string]> = [
    ["is the peer that is no trusted proxy, whatever it says", "203.0.113.9", ["10.0.0.1"], "203.0.113.9"],
    ["is the peer when a trusted proxy names nobody", "192.0.2.1", [], "192.0.2.1"],
    ["is the one that a trusted proxy names", "192.0.2.1", ["203.0.113.9"], "203.0.113.9"],
    ["is the last one that is no trusted proxy", "192.0.2.1", ["10.0.0.1, 203.0.113.9, 192.0.2.7"], "203.0.113.9"],
    ["is found across repeated headers", "192.0.2.1", ["10.0.0.1", "203.0.113.9 ,192.0.2.7"], "203.0.113.9"],
    ["is the first proxy when all are trusted", "192.0.2.1", ["192.0.2.9, 192.0.2.7"], "192.0.2.9"],
    ["may have a port", "192.0.2.1", ["203.0.113.9:50000"], "203.0.113.9"],
    ["may be one of IPv6", "2001:db8:1::1", ["2001:db8:2::9"], "2001:db8:2::9"],
    ["may be one of IPv6 with a port", "192.0.2.1", ["[2001:db8:2::9]:443"], "2001:db8:2::9"],
    ["may be one of IPv4 in IPv6", "::ffff:192.0.2.1", ["::ffff:203.0.113.9"], "203.0.113.9"],
    ["is not what no address is", "192.0.2.1", ["203.0.113.9, unknown, 192.0.2.7"], "192.0.2.7"],
    ["is no network", "192.0.2.1", ["10.0.0.0/8"], "192.0.2.1"],
  ];
  for (const [what, peer, forwarded, client] of cases) {
    test(what, () => {
      const headers = forwarded.map((value) => ["X-Forwarded-For", value] as const);
      assert.equal(originOf(from(peer), headers, trusted).address, client);
    });
  }

  test("used TLS when everything that a trusted proxy says is https", () => {
    for (const [peer, protocols, secure] of [
      ["192.0.2.1", ["https"], true],
      ["192.0.2.1", ["HTTPS"], true],
      ["192.0.2.1", ["http"], false],
      ["192.0.2.1", ["https, http"], false],
      ["192.0.2.1", ["https", "http"], false],
      ["192.0.2.1", [], false],
      ["203.0.113.9", ["https"], false],
    ] as const) {
      const headers = protocols.map((value) => ["x-forwarded-proto", value] as const);
      assert.equal(originOf(from(peer), headers, trusted).secure, secure, `${peer} ${protocols}`);
    }
  });
});

describe("conditions of policies", () => {
  let server: TestServer;
  let bob: Credentials;
  before(async () => {
    server = await startTestServer({ trustedProxies: networks("127.0.0.1/32") });
    bob = await makeUser(server, "bob");
    await createVault(server, "photos");
    const Condition = { IpAddress: { "aws:SourceIp": "203.0.113.0/24" }, Bool: { "aws:SecureTransport": "true" } };
    await grant(server, "bob", [allow("glacier:DescribeVault", "*", { Condition })]);
  });
  after(() => server.stop());

  test("follow what a trusted proxy says", async () => {
    for (const [address, protocol, status] of [
      ["203.0.113.9", "https", 200],
      ["203.0.113.9", "http", 403],
      ["198.51.100.7", "https", 403],
      ["203.0.113.9, 198.51.100.7", "https", 403],
    ] as const) {
      const unsignedHeaders = { "x-forwarded-for": address, "x-forwarded-proto": protocol };
      const answer = await server.client.send({ method: "GET", path: vaultPath("photos"), key: bob, unsignedHeaders });
      assert.equal(answer.status, status, `${address} ${protocol}`);
    }
  });
});
