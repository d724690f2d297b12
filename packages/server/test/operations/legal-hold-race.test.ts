import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { allow, makeUser, policy } from "../support/admin.ts";
import { arn, createVault, vaultPath } from "../support/glacier.ts";
import { rowSecret } from "../support/row-secret.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

// A lock forbids to change tags while the tag LegalHold is true. Another user removes tags all the time, which the lock allows
// until the hold is set: whatever was allowed before must not undo the hold after it.

const rounds = 15;
const connections = 4;
const hold = { LegalHold: "true" };

const resources = new AsyncDisposableStack();
let server: TestServer;
let ann: Credentials;
before(async () => {
  const { path } = resources.use(await temporaryFolder());
  // On threads, as in the service: only there a change waits while another request is authorized.
  const metadata = resources.adopt(
    await openSqliteStore({ path: join(path, "metadata.db"), mayCreate: true, rowSecret, onFailure: assert.ifError }),
    (store) => store.close(),
  );
  server = resources.adopt(await startTestServer({ metadata }), ({ stop }) => stop());
  ann = await makeUser(server, "ann", [allow("glacier:RemoveTagsFromVault")]);
});
after(() => resources.disposeAsync());

const lockPolicy = (vault: string) =>
  policy({
    Effect: "Deny",
    Principal: "*",
    Action: ["glacier:DeleteArchive", "glacier:AddTagsToVault", "glacier:RemoveTagsFromVault"],
    Resource: arn(vault),
    Condition: { StringEquals: { "glacier:ResourceTag/LegalHold": "true" } },
  });

const send = (method: string, path: string, body?: unknown, key: Credentials = server.key) =>
  server.client.send({ method, path, key, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

async function lock(vault: string): Promise<void> {
  const path = `${vaultPath(vault)}/lock-policy`;
  const initiated = await send("POST", path, { Policy: lockPolicy(vault) });
  assert.equal(initiated.status, 201, initiated.text);
  assert.equal((await send("POST", `${path}/${initiated.headers["x-amz-lock-id"]}`)).status, 204);
}

test("no removal of tags that was allowed before a legal hold undoes it", async () => {
  let lost = 0;
  const refused = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    const vault = `vault-${round}`;
    await createVault(server, vault);
    await lock(vault);
    let isHeld = false;
    const running = Promise.withResolvers<void>();
    const removals = Array.from({ length: connections }, async () => {
      while (!isHeld) {
        const { status, text } = await send(
          "POST",
          `${vaultPath(vault)}/tags?operation=remove`,
          { TagKeys: ["LegalHold"] },
          ann,
        );
        running.resolve();
        if (status !== 204) {
          refused.add(`${status} ${JSON.parse(text).code}`);
        }
      }
    });
    await running.promise;
    const held = await send("POST", `${vaultPath(vault)}/tags?operation=add`, { Tags: hold });
    isHeld = true;
    await Promise.all(removals);
    assert.equal(held.status, 204, held.text);
    const { Tags: tags } = (await send("GET", `${vaultPath(vault)}/tags`)).json<{ Tags: object }>();
    lost += Object.hasOwn(tags, "LegalHold") ? 0 : 1;
    assert.equal((await send("DELETE", vaultPath(vault))).status, 204);
  }
  assert.equal(lost, 0, `${lost} of ${rounds} holds were lost`);
  assert.deepEqual(
    [...refused].filter((answer) => answer !== "403 AccessDeniedException"),
    [],
  );
});

test("a client that changes a vault's tags all the time on many connections keeps nobody from setting a hold", async () => {
  const eve = await makeUser(server, "eve", [allow("glacier:AddTagsToVault")]);
  await createVault(server, "busy");
  const path = `${vaultPath("busy")}/tags?operation=add`;
  let isHeld = false;
  let changes = 0;
  const changing = Array.from({ length: 64 }, async (_, connection) => {
    for (let turn = 0; !isHeld; turn += 1) {
      const { status, text } = await send("POST", path, { Tags: { [`tag ${connection % 10}`]: String(turn) } }, eve);
      assert.equal(status, 204, text);
      changes += 1;
    }
  });
  for (let hold = 0; hold < 3; hold += 1) {
    const answer = await send("POST", path, { Tags: { LegalHold: String(hold) } });
    assert.equal(answer.status, 204, answer.text);
  }
  isHeld = true;
  await Promise.all(changing);
  assert.ok(changes > 0);
});
