import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  allow,
  deny,
  grant,
  makeAccount,
  makeUser,
  otherAccountId,
  policy,
  rootArn,
  userArn,
} from "../support/admin.ts";
import { arn, assertError, finishedJob, notFound } from "../support/glacier.ts";
import { accountId, type TestServer } from "../support/server.ts";
import type { Credentials, WireAnswer } from "../support/signed-request.ts";
import { pathValues, type RouteRequest, routeRequests } from "./route-drafts.ts";
import { startTarget, type Target } from "./side-effects.ts";

// The operator's account has a vault with something of every kind in it; another account would like to have it.

let target: Target;
let server: TestServer;
let root: Credentials;
let eve: Credentials;
let ids: Record<string, string>;
before(async () => {
  target = await startTarget();
  server = target.server;
  root = await makeAccount(server);
  eve = await makeUser(server, "eve", [], root);
  const jobId = await finishedJob(server, "photos", { Type: "inventory-retrieval" });
  const {
    archives: [archive],
  } = await server.parts.metadata.inventoryPage({
    ...(await vaultRow()),
    after: null,
    createdFrom: null,
    createdBefore: null,
    limit: 1,
  });
  ids = { archiveId: archive?.id ?? "", jobId, uploadId: target.uploadId };
});
after(() => target.stop());

async function vaultRow() {
  const vault = await server.parts.metadata.findVault({ accountId, region: "us-east-1", vaultName: "photos" });
  assert.ok(vault);
  return { vaultId: vault.id, revision: vault.revision };
}

const denied = (message: string | RegExp) => ({ status: 403, code: "AccessDeniedException", message });
const byResource = (who: string, name: string, vault = "photos") =>
  denied(
    `User: ${who} is not authorized to perform: glacier:${name} on resource: ${arn(vault)} because no resource-based policy allows the glacier:${name} action`,
  );
const send = ({ method, path, headers, body }: RouteRequest, key: Credentials): Promise<WireAnswer> =>
  server.client.send({ method, path, headers, key, ...(body === "" ? {} : { body }) });
const theirs = (values: Record<string, string>) => routeRequests({ ...pathValues, accountId, ...values });

describe("another account's vault, without its permission", () => {
  for (const name of Object.keys(Object.fromEntries(routeRequests().map((route) => [route.name, route])))) {
    test(`${name} is denied to the root and to a user, in the same words whether or not it is there`, async () => {
      const there = theirs({ vaultName: "photos", ...ids }).find((route) => route.name === name) as RouteRequest;
      const nowhere = theirs({ vaultName: "absent" }).find((route) => route.name === name) as RouteRequest;
      await grant(server, "eve", [allow("*")], root);
      const untouched = await target.snapshot();
      for (const [key, who] of [
        [root, rootArn(otherAccountId)],
        [eve, userArn("eve", otherAccountId)],
      ] as const) {
        const own = there.operation.account === "own";
        const ofAccount = denied(`Access denied for account ID: ${accountId}`);
        assertError(await send(there, key), own ? ofAccount : byResource(who, name));
        assertError(await send(nowhere, key), own ? ofAccount : byResource(who, name, "absent"));
      }
      assert.deepEqual(await target.snapshot(), untouched);
    });
  }

  test("nothing of it shows under the dash either", async () => {
    assert.deepEqual((await server.client.send({ method: "GET", path: "/-/vaults", key: root })).json(), {
      Marker: null,
      VaultList: [],
    });
    assert.equal((await server.client.send({ method: "GET", path: "/-/vaults/photos", key: root })).status, 404);
    const created = await server.client.send({ method: "PUT", path: "/-/vaults/photos", key: root });
    assert.equal(created.headers["location"], `/${otherAccountId}/vaults/photos`);
    const archive = { method: "DELETE", path: `/-/vaults/photos/archives/${ids["archiveId"]}`, key: root };
    // The same as for an id that was never given out: that there is such an archive is the other account's secret.
    assertError(await server.client.send(archive), notFound(`The archive ID was not found: ${ids["archiveId"]}`));
    assert.equal((await server.client.send({ method: "DELETE", path: "/-/vaults/photos", key: root })).status, 204);
  });
});

describe("across accounts both sides must allow", () => {
  const describeIt = (key: Credentials) =>
    server.client.send({ method: "GET", path: `/${accountId}/vaults/photos`, key });
  const onlyStrangers = { StringNotEquals: { "aws:PrincipalAccount": accountId } };
  const open = (principal: string) =>
    setAccessPolicy([allow("glacier:DescribeVault", arn("photos"), { Principal: { AWS: principal } })]);

  test("a vault that lets an account in lets in its root, and those users whom the account lets go", async () => {
    await open(otherAccountId);
    await grant(server, "eve", [allow("glacier:ListVaults")], root);
    assert.equal((await describeIt(root)).status, 200);
    assertError(
      await describeIt(eve),
      denied(
        `User: ${userArn("eve", otherAccountId)} is not authorized to perform: glacier:DescribeVault on resource: ${arn("photos")} because no identity-based policy allows the glacier:DescribeVault action`,
      ),
    );
    await grant(server, "eve", [allow("glacier:DescribeVault", arn("photos"))], root);
    assert.equal((await describeIt(eve)).status, 200);
    await setAccessPolicy(null);
    assertError(await describeIt(eve), byResource(userArn("eve", otherAccountId), "DescribeVault"));
    assertError(await describeIt(root), byResource(rootArn(otherAccountId), "DescribeVault"));
  });

  test("a vault that lets a user in lets in no other, and not its root", async () => {
    await open(userArn("eve", otherAccountId));
    await grant(server, "eve", [allow("glacier:*")], root);
    const mallory = await makeUser(server, "mallory", [allow("glacier:*")], root);
    assert.equal((await describeIt(eve)).status, 200);
    assert.equal((await describeIt(mallory)).status, 403);
    assert.equal((await describeIt(root)).status, 403);
    const namesake = await makeUser(server, "eve");
    assert.equal((await describeIt(namesake)).status, 403);
  });

  test("a Deny on either side wins", async () => {
    await open(otherAccountId);
    await grant(server, "eve", [allow("glacier:*"), deny("glacier:DescribeVault")], root);
    assertError(await describeIt(eve), denied(/ with an explicit deny in an identity-based policy$/));
    await grant(server, "eve", [allow("glacier:*")], root);
    await setAccessPolicy([
      allow("glacier:*", arn("photos"), { Principal: "*" }),
      deny("glacier:DescribeVault", arn("photos"), { Principal: { AWS: otherAccountId } }),
    ]);
    assertError(await describeIt(eve), denied(/ with an explicit deny in a resource-based policy$/));
    assertError(await describeIt(root), denied(/ with an explicit deny in a resource-based policy$/));
    assert.equal((await server.client.send({ method: "GET", path: "/-/vaults/photos" })).status, 200);
  });

  test("a Deny does not tell a stranger that there is a vault", async () => {
    await grant(server, "eve", [allow("glacier:*")], root);
    const answers = async (key: Credentials) => [
      await describeIt(key),
      await server.client.send({ method: "GET", path: `/${accountId}/vaults/nowhere`, key }),
    ];
    for (const principal of ["*", { AWS: otherAccountId }]) {
      await setAccessPolicy([deny("glacier:*", arn("photos"), { Principal: principal, Condition: onlyStrangers })]);
      for (const [key, who] of [
        [eve, userArn("eve", otherAccountId)],
        [root, rootArn(otherAccountId)],
      ] as const) {
        const [here, nowhere] = await answers(key);
        assert.ok(here && nowhere);
        assertError(here, byResource(who, "DescribeVault"));
        assertError(nowhere, byResource(who, "DescribeVault", "nowhere"));
      }
    }
    await setAccessPolicy(null);
  });

  test("operations for the owner's account alone are denied to others, whatever a vault's policy says", async () => {
    await setAccessPolicy([allow("glacier:*", arn("photos"), { Principal: "*" })]);
    for (const route of theirs({ vaultName: "photos" }).filter(({ operation }) => operation.account === "own")) {
      assertError(await send(route, root), denied(`Access denied for account ID: ${accountId}`));
    }
    assert.equal((await describeIt(root)).status, 200);
  });

  test("jobs, archives and uploads of another vault of the same owner stay out of reach", async () => {
    await setAccessPolicy([allow("glacier:*", arn("photos"), { Principal: "*" })]);
    const job = (vault: string) =>
      server.client.send({ method: "GET", path: `/${accountId}/vaults/${vault}/jobs/${ids["jobId"]}`, key: root });
    assert.equal((await job("photos")).status, 200);
    assertError(await job("absent"), byResource(rootArn(otherAccountId), "DescribeJob", "absent"));
  });
});

async function setAccessPolicy(statements: readonly object[] | null): Promise<void> {
  const path = "/-/vaults/photos/access-policy";
  const answer = await server.client.send(
    statements === null
      ? { method: "DELETE", path }
      : { method: "PUT", path, body: JSON.stringify({ Policy: policy(...statements) }) },
  );
  assert.equal(answer.status, 204, answer.text);
}
