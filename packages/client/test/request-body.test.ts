import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "@moraine/client";
import { createClient as createNodeClient } from "@moraine/client/node";
import { failure, keys, vault } from "./support/scripted-client.ts";
import { answer, refuse, reset, type ScriptedServer, scriptedServer } from "./support/scripted-server.ts";

for (const [kind, make] of Object.entries({ portable: createClient, "Node's": createNodeClient })) {
  const clientTo = async ({ url }: ScriptedServer) => make({ region: "us-east-1", credentials: keys, endpoint: url });

  describe(`a body is sent again from its start by the ${kind} client`, () => {
    const created = answer(201, { "x-amz-archive-id": "a", location: "/x", "x-amz-sha256-tree-hash": "t" });
    const bytes = Buffer.from("the archive's bytes, all of them");

    test("bytes in memory, also in memory that threads share", async () => {
      const bytes = new Uint8Array(new SharedArrayBuffer(2_500_000)).fill(7);

      await using server = await scriptedServer(refuse(408, "RequestTimeoutException"), reset, created);
      await (await clientTo(server)).uploadArchive({ ...vault, body: bytes });
      assert.deepEqual(
        server.seen.map(({ body }) => body),
        Array.from({ length: 3 }, () => Buffer.from(bytes)),
      );
    });

    test("a body that is opened again, with the length and the hashes that were given", async () => {
      await using server = await scriptedServer(refuse(500, "ServiceUnavailableException"), created);
      let opened = 0;
      const body = {
        sizeBytes: bytes.length,
        sha256: "ab".repeat(32),
        treeHash: "cd".repeat(32),
        open: async function* () {
          opened += 1;
          yield bytes.subarray(0, 7);
          yield bytes.subarray(7);
        },
      };
      await (await clientTo(server)).uploadArchive({ ...vault, body });
      assert.equal(opened, 2);
      for (const { body: sent, headers } of server.seen) {
        assert.deepEqual(sent, bytes);
        assert.equal(headers["content-length"], String(bytes.length));
        assert.equal(headers["transfer-encoding"], undefined);
        assert.equal(headers["x-amz-content-sha256"], body.sha256);
        assert.equal(headers["x-amz-sha256-tree-hash"], body.treeHash);
      }
    });

    test("a source's own failure is thrown, and not retried", async () => {
      await using server = await scriptedServer(created);
      const broken = new Error("the disk is gone");
      let opened = 0;
      const body = {
        ...{ sizeBytes: bytes.length, sha256: "ab".repeat(32), treeHash: "cd".repeat(32) },
        open: async function* () {
          opened += 1;
          yield bytes.subarray(0, 7);
          throw broken;
        },
      };
      assert.equal(await failure((await clientTo(server)).uploadArchive({ ...vault, body })), broken);
      const short = {
        ...body,
        open: async function* () {
          yield bytes.subarray(0, 7);
        },
      };
      assert.match(
        String(await failure((await clientTo(server)).uploadArchive({ ...vault, body: short }))),
        /expected 32 bytes, received only 7/,
      );
      const more = async function* () {
        yield bytes;
        yield bytes;
      };
      const long = await failure((await clientTo(server)).uploadArchive({ ...vault, body: { ...body, open: more } }));
      assert.match(String(long), /expected 32 bytes, received more/);
      assert.equal(opened, 1);
    });
  });
}
