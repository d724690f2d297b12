import assert from "node:assert/strict";
import { test } from "node:test";
import { packageVersion } from "../../src/package-version.ts";
import { demand, makeAccount, makeUser } from "../support/admin.ts";
import { createVault } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";

test("health reports the state of the service and its counts, and nothing confidential", async (context) => {
  const server = await startTestServer({ profile: "aws" });
  context.after(() => server.stop());
  await makeAccount(server);
  await makeUser(server, "bob");
  await createVault(server, "photos");
  const { UptimeSeconds, ...health } = (await demand(server, "GetHealth")) as Record<string, unknown>;
  assert.ok(Number(UptimeSeconds) >= 0);
  assert.deepEqual(health, {
    Accounts: 2,
    Clock: "manual",
    Profile: "aws",
    Ready: true,
    Reason: null,
    Region: "us-east-1",
    Storage: {
      ReadOnly: null,
      FreeBytes: 1000,
      ReserveBytes: 100,
      DeletedBytes: 0,
      DeletedBytesFreeFrom: null,
      DeletedBytesFreeBy: null,
    },
    Users: 1,
    Vaults: 1,
    Warnings: [],
    Version: packageVersion(),
  });
});
