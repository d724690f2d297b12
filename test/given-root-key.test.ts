import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Credentials, signedClient } from "../packages/server/test/support/signed-request.ts";
import { region, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The root's key that the environment gives, when the next start is given another.

const key = (number: number): Credentials => ({
  accessKeyId: `AKIAMORAINETESTS000${number}`,
  secretAccessKey: `not-a-secret-of-anybody-000${number}`,
});

interface Run {
  statusOf(signer: Credentials): Promise<number>;
  /** Makes another key of the root. */
  makeKey(signer: Credentials): Promise<Credentials>;
  setStatus(signer: Credentials, accessKeyId: string, status: "Active" | "Inactive"): Promise<number>;
}

test("another root key in the environment ends the one before, and the log names both", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  /** Resolves to the lines of the log that are about keys of the root. */
  const run = async (given: Credentials, use: (run: Run) => Promise<void>): Promise<string[]> => {
    const environment = {
      MORAINE_ROOT_ACCESS_KEY_ID: given.accessKeyId,
      MORAINE_ROOT_SECRET_ACCESS_KEY: given.secretAccessKey,
    };
    await using server = await startServer({ dataFolder, environment });
    const client = signedClient({ port: Number(new URL(server.url).port), key: given, region });
    const admin = { service: "moraine", headers: { "x-amz-glacier-version": undefined } };
    await use({
      statusOf: async (signer) => (await client.send({ method: "GET", path: "/-/vaults", key: signer })).status,
      async makeKey(signer) {
        const answer = await client.send({ ...admin, method: "POST", path: "/admin/access-keys", key: signer });
        const made = answer.json<{ AccessKeyId: string; SecretAccessKey: string }>();
        return { accessKeyId: made.AccessKeyId, secretAccessKey: made.SecretAccessKey };
      },
      async setStatus(signer, accessKeyId, Status) {
        const path = `/admin/access-keys/${accessKeyId}`;
        const body = JSON.stringify({ Status });
        return (await client.send({ ...admin, method: "PUT", path, body, key: signer })).status;
      },
    });
    client.close();
    const { stderr } = await server.stop();
    return stderr.split("\n").filter((line) => /keys? of the root/.test(line));
  };

  let made = key(9);
  const first = await run(key(1), async ({ makeKey }) => {
    made = await makeKey(key(1));
  });
  assert.deepEqual(first, []);
  const second = await run(key(2), async ({ statusOf }) => {
    assert.deepEqual(await Promise.all([key(1), key(2), made].map(statusOf)), [400, 200, 200]);
  });
  assert.equal(second.length, 2);
  assert.match(second[0] ?? "", /"level":40,.*"accessKeyIds":\["AKIAMORAINETESTS0001"\].*inactive/);
  assert.match(second[1] ?? "", new RegExp(`"level":40,.*"accessKeyIds":\\["${made.accessKeyId}"\\].*still active`));

  // The same key again says nothing, and leaves what was made active again on purpose.
  const third = await run(key(2), async ({ statusOf, setStatus }) => {
    assert.equal(await setStatus(key(2), made.accessKeyId, "Inactive"), 204);
    assert.equal(await setStatus(key(2), key(1).accessKeyId, "Active"), 204);
    assert.deepEqual(await Promise.all([key(1), key(2), made].map(statusOf)), [200, 200, 400]);
  });
  assert.deepEqual(third, []);
  const fourth = await run(key(2), async ({ statusOf }) => {
    assert.deepEqual(await Promise.all([key(1), key(2), made].map(statusOf)), [200, 200, 400]);
  });
  assert.deepEqual(fourth, []);
});
