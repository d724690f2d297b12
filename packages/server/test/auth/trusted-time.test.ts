import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import { allow, demand, deny, makeUser, policy } from "../support/admin.ts";
import {
  arn,
  assertError,
  createVault,
  mebibyte,
  uploadArchive,
  uploadInParts,
  vaultPath,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import {
  accountId,
  dayMilliseconds,
  hourMilliseconds,
  startTestServer,
  startTime,
  type TestServer,
  type TestServerOptions,
} from "../support/server.ts";

// A moved clock does not age the archives that a lock protects.

const year = 365 * dayMilliseconds;
const vault = "kept";
const denied = {
  status: 403,
  code: "AccessDeniedException",
  message: `User: arn:aws:iam::${accountId}:root is not authorized to perform: glacier:DeleteArchive on resource: ${arn(vault)} with an explicit deny in a resource-based policy`,
};

/** An archive that a complete lock keeps from everyone for a year; resolves to its path. */
async function lockedArchive(server: TestServer): Promise<string> {
  await createVault(server, vault);
  const Policy = policy(
    deny("glacier:DeleteArchive", arn(vault), {
      Principal: "*",
      Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "365" } },
    }),
  );
  const lock = `${vaultPath(vault)}/lock-policy`;
  const initiated = await server.client.send({ method: "POST", path: lock, body: JSON.stringify({ Policy }) });
  const completed = await server.client.send({
    method: "POST",
    path: `${lock}/${initiated.headers["x-amz-lock-id"]}`,
  });
  assert.equal(completed.status, 204, completed.text);
  return `${vaultPath(vault)}/archives/${await uploadArchive(server, vault, Buffer.from("kept for a year"))}`;
}

async function withServer(options: TestServerOptions, body: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer(options);
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

const remove = ({ client }: TestServer, path: string) => client.send({ method: "DELETE", path });

test("ten years forward at once, the root still may not delete what a lock keeps for one", async () => {
  await withServer({ trustsClock: false }, async (server) => {
    const archive = await lockedArchive(server);
    server.clock.advance(10 * year);
    assertError(await remove(server, archive), denied);
  });
});

test("ten years forward in steps of four minutes are no better", async () => {
  await withServer({ trustsClock: false }, async (server) => {
    const archive = await lockedArchive(server);
    for (let step = 0; step < 200; step += 1) {
      server.clock.advance(4 * 60_000);
      assertError(await remove(server, archive), denied);
    }
    server.clock.advance(10 * year);
    assertError(await remove(server, archive), denied);
  });
});

test("where the operator vouches for the clock, ten years forward are ten years", async () => {
  await withServer({ trustsClock: true }, async (server) => {
    const archive = await lockedArchive(server);
    server.clock.advance(year - hourMilliseconds);
    assertError(await remove(server, archive), denied);
    server.clock.advance(9 * year);
    assert.equal((await remove(server, archive)).status, 204);
  });
});

test("conditions on the time use trusted time", async () => {
  await withServer({ trustsClock: false }, async (server) => {
    await createVault(server, vault);
    const inAYear = new Date(startTime + year);
    const later = { DateGreaterThan: { "aws:CurrentTime": inAYear.toISOString() } };
    const laterStill = { NumericGreaterThan: { "aws:EpochTime": String(inAYear.getTime() / 1000) } };
    const [bob, eve] = [
      await makeUser(server, "bob", [allow("glacier:ListVaults", "*", { Condition: later })]),
      await makeUser(server, "eve", [allow("glacier:ListVaults", "*", { Condition: laterStill })]),
    ];
    server.clock.advance(10 * year);
    for (const key of [bob, eve]) {
      assert.equal((await server.client.send({ method: "GET", path: "/-/vaults", key })).status, 403);
    }
  });
});

test("the clock and the health say that policies' time is behind, and by how much", async () => {
  await withServer({ trustsClock: false }, async (server) => {
    assert.deepEqual((await demand<{ Warnings: string[] }>(server, "GetHealth")).Warnings, []);
    server.clock.advance(10 * year);
    const clock = await demand<Record<string, unknown>>(server, "GetClock");
    assert.equal(clock["Now"], "2036-03-01T05:06:07.089Z");
    assert.match(String(clock["PolicyNow"]), /^2026-03-04T05:06/);
    assert.equal(clock["PolicyTimeIsBehind"], true);
    const { Warnings } = await demand<{ Warnings: string[] }>(server, "GetHealth");
    assert.match(Warnings.join(), /^The clock says 2036-03-01.* policies use 2026-03-04T05:06.* --trust-clock$/);
  });
});

describe("over a restart", () => {
  /** Two runs over one store, the second with the clock moved by so much. */
  async function afterRestart(
    moved: number,
    second: Pick<TestServerOptions, "trustsClock">,
    body: (server: TestServer, archive: string) => Promise<void>,
  ): Promise<void> {
    const metadata = await openInlineStore(":memory:");
    const first = await startTestServer({ metadata, trustsClock: false });
    const { blobs } = first.parts;
    const archive = await lockedArchive(first);
    await first.stop();
    const clock = new ManualClock(startTime + moved);
    await withServer({ metadata, blobs, clock, ...second }, (server) => body(server, archive));
    await metadata.close();
  }

  test("ten years of absence are not believed, and the archive stays", async () => {
    await afterRestart(10 * year, { trustsClock: false }, async (server, archive) => {
      assertError(await remove(server, archive), denied);
      assert.equal((await demand<{ PolicyTimeIsBehind: boolean }>(server, "GetClock")).PolicyTimeIsBehind, true);
    });
  });

  test("ten years of absence are believed with the operator's word", async () => {
    await afterRestart(10 * year, { trustsClock: true }, async (server, archive) => {
      assert.equal((await remove(server, archive)).status, 204);
    });
  });

  test("six days of absence are believed: an archive is that much older", async () => {
    await afterRestart(6 * dayMilliseconds, { trustsClock: false }, async (server, archive) => {
      assertError(await remove(server, archive), denied);
      const { PolicyNow } = await demand<{ PolicyNow: string }>(server, "GetClock");
      assert.match(PolicyNow, /^2026-03-10T05:06/);
    });
  });

  test("an archive that comes while the clock is put back is not old when the clock is right again", async () => {
    await afterRestart(-10 * year, { trustsClock: false }, async (server) => {
      for (const make of [
        uploadArchive,
        (...[at, name, bytes]: Parameters<typeof uploadArchive>) => uploadInParts(at, name, bytes, mebibyte),
      ]) {
        const archive = `${vaultPath(vault)}/archives/${await make(server, vault, Buffer.from("made in the past"))}`;
        assertError(await remove(server, archive), denied);
      }
    });
  });

  test("a clock that was put back keeps nothing longer than it has to, and lets nothing go early", async () => {
    await afterRestart(-10 * year, { trustsClock: false }, async (server, archive) => {
      assertError(await remove(server, archive), denied);
      const { PolicyNow, PolicyTimeIsBehind } = await demand<{ PolicyNow: string; PolicyTimeIsBehind: boolean }>(
        server,
        "GetClock",
      );
      assert.match(PolicyNow, /^2026-03-04T05:06/);
      assert.equal(PolicyTimeIsBehind, false);
      server.clock.advance(20 * year);
      assertError(await remove(server, archive), denied);
    });
  });
});
