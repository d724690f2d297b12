import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { GlacierClient, ListVaultsCommand } from "@aws-sdk/client-glacier";
import { eventually, send, uploadHead } from "../packages/server/test/http/sending.ts";
import { createVault, randomContent } from "../packages/server/test/support/glacier.ts";
import { startTestServer } from "../packages/server/test/support/server.ts";
import { own } from "./support/sdk-client.ts";

test("AWS's SDK waits as long as a server without room asks it to, and gets through", async (context) => {
  const server = await startTestServer({ limits: { connectionsMax: 1 } });
  context.after(() => server.stop());
  await createVault(server, "photos");
  server.client.close();
  const body = randomContent(1000);
  const busy = connect({ port: server.port, host: "127.0.0.1" });
  await once(busy, "connect");
  await send(busy, uploadHead(server, body));
  assert.ok(await eventually(() => server.parts.intents.count === 1));

  const client = new GlacierClient({
    ...{ endpoint: `http://127.0.0.1:${server.port}`, region: "us-east-1", credentials: server.key, maxAttempts: 2 },
  });
  context.after(() => client.destroy());
  const listed = client.send(new ListVaultsCommand(own));
  listed.catch(() => undefined);
  assert.ok(await eventually(() => server.records.some(({ status }) => status === 503)));
  busy.destroy();
  const { $metadata, VaultList } = await listed;
  assert.deepEqual(
    VaultList?.map(({ VaultName }) => VaultName),
    ["photos"],
  );
  assert.equal($metadata.attempts, 2);
  // Its own pause is at most 200 ms; the second that it is asked for counts from when it read the response.
  assert.ok(($metadata.totalRetryDelay ?? 0) > 500, `it waited for ${$metadata.totalRetryDelay} ms`);
  assert.ok(
    server.records.filter(({ status }) => status === 503).every(({ error }) => error === null),
    "not logged",
  );
});
