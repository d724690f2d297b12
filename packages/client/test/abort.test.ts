import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ThrottlingException } from "@moraine/client";
import { clientOf, failure, fine, vault } from "./support/scripted-client.ts";
import { never, refuse, scriptedServer } from "./support/scripted-server.ts";

describe("a signal ends a call at once", () => {
  const reason = new Error("enough");
  const ends = async (call: (signal: AbortSignal) => Promise<unknown>) => {
    const controller = new AbortController();
    const start = performance.now();
    setTimeout(() => controller.abort(reason), 50);
    assert.equal(await failure(call(controller.signal)), reason);
    assert.ok(performance.now() - start < 400);
  };

  test("before it begins", async () => {
    await using server = await scriptedServer(fine);
    assert.equal(await failure(clientOf(server).describeVault(vault, { signal: AbortSignal.abort(reason) })), reason);
    assert.equal(server.seen.length, 0);
  });

  test("while it waits for an answer", async () => {
    await using server = await scriptedServer(never);
    await ends((signal) => clientOf(server).describeVault(vault, { signal }));
  });

  test("while it waits for credentials", async () => {
    await using server = await scriptedServer(fine);
    const credentials = () => new Promise<never>(() => undefined);
    await ends((signal) => clientOf(server, { credentials }).describeVault(vault, { signal }));
  });

  test("while it waits for its turn", async () => {
    await using server = await scriptedServer(refuse(400, "ThrottlingException"), fine);
    const client = clientOf(server, { attemptsMax: 1 });
    await assert.rejects(client.describeVault(vault), ThrottlingException);
    await ends((signal) => client.describeVault(vault, { signal }));
    assert.equal(server.seen.length, 1);
  });

  test("while it pauses between attempts", async (t) => {
    t.mock.method(Math, "random", () => 1);
    await using server = await scriptedServer(refuse(500, "ServiceUnavailableException"));
    const stop = new AbortController();
    const reason = new Error("enough");
    const call = clientOf(server).describeVault(vault, { signal: stop.signal, onRetry: () => stop.abort(reason) });
    await assert.rejects(call, reason);
    assert.equal(server.seen.length, 1);
  });

  test("while it sends a body", async () => {
    await using server = await scriptedServer(fine);
    let isClosed = false;
    const body = {
      ...{ sizeBytes: 10, sha256: "ab".repeat(32), treeHash: "cd".repeat(32) },
      open: async function* () {
        try {
          yield new Uint8Array(1);
          await sleep(200);
          yield new Uint8Array(1);
        } finally {
          isClosed = true;
        }
      },
    };
    await ends((signal) => clientOf(server).uploadArchive({ ...vault, body }, { signal }));
    await sleep(250);
    assert.equal(isClosed, true);
  });
});
