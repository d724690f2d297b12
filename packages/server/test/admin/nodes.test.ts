import assert from "node:assert/strict";
import { test } from "node:test";
import { demand } from "../support/admin.ts";
import { startTestServer } from "../support/server.ts";

test("a server with a data folder has no other nodes", async (context) => {
  const server = await startTestServer({ nodes: 1 });
  context.after(() => server.stop());
  assert.deepEqual(await demand(server, "ListNodes"), { Nodes: [] });
});
