import assert from "node:assert/strict";
import { test } from "node:test";
import { demand } from "../support/admin.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer } from "../support/server.ts";

test("a server with a data folder has no other nodes", async (context) => {
  const metadata = await openInlineStore(":memory:");
  const server = await startTestServer({ metadata });
  context.after(async () => {
    await server.stop();
    await metadata.close();
  });
  assert.deepEqual(await demand(server, "ListNodes"), { Nodes: [] });
});
