import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { JobTier } from "@moraine/protocol";
import {
  assertError,
  createVault,
  initiateJob,
  invalid,
  jobRequest,
  mebibyte,
  missing,
  randomContent,
  uploadArchive,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import {
  accountId,
  dayMilliseconds,
  hourMilliseconds,
  startTestServer,
  startTime,
  type TestServer,
} from "../support/server.ts";

const path = "/-/policies/data-retrieval";
const setRaw = ({ client }: TestServer, body?: string) =>
  client.send({ method: "PUT", path, ...(body === undefined ? {} : { body }) });
const setRules = (server: TestServer, rules: string) => setRaw(server, `{"Policy":{"Rules":${rules}}}`);
const get = async ({ client }: TestServer) => (await client.send({ method: "GET", path })).text;
const kept = async (server: TestServer, rule: string) => {
  const answer = await setRules(server, `[${rule}]`);
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
};

const serialization = { status: 400, code: "SerializationException", message: /^The request body is not of the right/ };
const enforced = {
  status: 400,
  code: "PolicyEnforcedException",
  message: "InitiateJob request denied by current data retrieval policy.",
};

describe("the policy", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  test("is None before any was set", async () => {
    const fresh = await startTestServer();
    assert.equal(await get(fresh), '{"Policy":{"Rules":[{"Strategy":"None"}]}}');
    await fresh.stop();
  });

  test("comes back as it was set, the last one", async () => {
    for (const rule of [
      '{"BytesPerHour":10737418240,"Strategy":"BytesPerHour"}',
      '{"Strategy":"FreeTier"}',
      '{"Strategy":"None"}',
    ]) {
      await kept(server, rule);
      assert.equal(await get(server), `{"Policy":{"Rules":[${rule}]}}`);
    }
    await kept(server, '{"Strategy":"FreeTier","BytesPerHour":null,"Unknown":1}');
    assert.equal(await get(server), '{"Policy":{"Rules":[{"Strategy":"FreeTier"}]}}');
  });

  test("keeps all the bits of BytesPerHour", async () => {
    for (const [bytes, shown = bytes] of [
      ["1"],
      ["9007199254740991"],
      ["9007199254740993"],
      ["9223372036854775806"],
      ["9223372036854775807"],
      ["1.0", "1"],
      ["1e3", "1000"],
    ]) {
      await kept(server, `{"Strategy":"BytesPerHour","BytesPerHour":${bytes}}`);
      assert.equal(await get(server), `{"Policy":{"Rules":[{"BytesPerHour":${shown},"Strategy":"BytesPerHour"}]}}`);
    }
  });

  describe("stays as it was when one is refused:", () => {
    const perHour = (bytes: string) => `[{"Strategy":"BytesPerHour","BytesPerHour":${bytes}}]`;
    for (const [rules, expected] of [
      ["null", missing("rules")],
      [perHour("null"), missing("bytesPerHour")],
      ['[{"Strategy":"BytesPerHour"}]', missing("bytesPerHour")],
      ["[]", invalid("A data retrieval policy must have exactly one rule, not 0")],
      [
        '[{"Strategy":"None"},{"Strategy":"None"}]',
        invalid("A data retrieval policy must have exactly one rule, not 2"),
      ],
      ["[{}]", invalid("Invalid strategy: none is given")],
      ['[{"Strategy":null}]', invalid("Invalid strategy: none is given")],
      ['[{"BytesPerHour":1}]', invalid("Invalid strategy: none is given")],
      ['[{"Strategy":""}]', invalid("Invalid strategy: ")],
      ['[{"Strategy":"none"}]', invalid("Invalid strategy: none")],
      [
        '[{"Strategy":"FreeTier","BytesPerHour":1}]',
        invalid("BytesPerHour must not be given with the strategy FreeTier"),
      ],
      ['[{"Strategy":"None","BytesPerHour":0}]', invalid("BytesPerHour must not be given with the strategy None")],
      [perHour("0"), invalid("Invalid BytesPerHour: 0")],
      [perHour("-1"), invalid("Invalid BytesPerHour: -1")],
      [perHour("-9223372036854775808"), invalid("Invalid BytesPerHour: -9223372036854775808")],
      [perHour("1.5"), invalid("Invalid BytesPerHour: 1.5")],
      [perHour("9223372036854775808"), invalid("Invalid BytesPerHour: 9223372036854775808")],
      [perHour("9223372036854775807.0"), invalid(/^Invalid BytesPerHour: /)],
      [perHour("18446744073709551617"), invalid("Invalid BytesPerHour: 18446744073709551617")],
      [perHour("1e30"), invalid("Invalid BytesPerHour: 1e+30")],
      // Beyond what a double holds, a number is none at all.
      [perHour("9".repeat(5000)), serialization],
      [perHour('"1"'), serialization],
      [perHour("true"), serialization],
      [perHour("[1]"), serialization],
      ['{"Strategy":"None"}', serialization],
      ['"None"', serialization],
      ["[null]", serialization],
      ['[{"Strategy":1}]', serialization],
    ] as const) {
      test(rules.slice(0, 80), async () => {
        await kept(server, '{"Strategy":"BytesPerHour","BytesPerHour":7}');
        assertError(await setRules(server, rules), expected);
        assert.equal(await get(server), '{"Policy":{"Rules":[{"BytesPerHour":7,"Strategy":"BytesPerHour"}]}}');
      });
    }
  });

  test("is missing when the body has none", async () => {
    for (const body of [undefined, "{}", '{"Policy":null}', '{"Rules":[{"Strategy":"None"}]}']) {
      assertError(await setRaw(server, body), missing("policy"));
    }
    assertError(await setRaw(server, '{"Policy":{}}'), missing("rules"));
    assertError(await setRaw(server, '{"Policy":[]}'), serialization);
    assertError(await setRaw(server, "{"), { ...serialization, message: "The request body is not valid JSON" });
  });

  test("is one's own account's", async () => {
    const answer = await server.client.send({ method: "GET", path: `/${accountId}/policies/data-retrieval` });
    assert.equal(answer.status, 200);
    assertError(await server.client.send({ method: "GET", path: "/999999999999/policies/data-retrieval" }), {
      status: 403,
      code: "AccessDeniedException",
      message: "Access denied for account ID: 999999999999",
    });
  });
});

describe("enforcement", () => {
  const started: TestServer[] = [];
  afterEach(() => Promise.all(started.splice(0).map((server) => server.stop())));

  /** Two archives, of 4 MiB and of 10 bytes; Standard jobs take an hour. */
  async function prepared(options: { monthlyFreeBytes?: number } = {}) {
    const server = await startTestServer({
      delays: { standardSeconds: 3600, bulkSeconds: 3600, expeditedSeconds: 3600 },
      ...options,
    });
    started.push(server);
    await createVault(server, "vault");
    await createVault(server, "other");
    const large = await uploadArchive(server, "vault", randomContent(4 * mebibyte));
    const small = await uploadArchive(server, "other", randomContent(10));
    const retrieve = (vault: string, ArchiveId: string, more: { Tier?: JobTier; RetrievalByteRange?: string } = {}) =>
      server.client.send(jobRequest(vault, { Type: "archive-retrieval", ArchiveId, ...more }));
    return { server, large, small, retrieve };
  }

  const jobsOf = async ({ client }: TestServer, vault: string) =>
    (await client.send({ method: "GET", path: `${vaultPath(vault)}/jobs` })).json<{ JobList: unknown[] }>().JobList
      .length;

  test("BytesPerHour counts a quarter, rounded up, of every Standard job in progress of the account", async () => {
    const { server, large, small, retrieve } = await prepared();
    await kept(server, `{"Strategy":"BytesPerHour","BytesPerHour":${mebibyte + 5}}`);
    assert.equal((await retrieve("vault", large)).status, 202);
    // 10 bytes count as 3 an hour: they fit once, not twice.
    assert.equal((await retrieve("other", small)).status, 202);
    for (const [vault, archive] of [
      ["vault", large],
      ["other", small],
    ] as const) {
      const before = await jobsOf(server, vault);
      assertError(await retrieve(vault, archive), enforced);
      assert.equal(await jobsOf(server, vault), before);
    }
  });

  test("BytesPerHour judges the range of a job, to the byte", async () => {
    const { server, large, retrieve } = await prepared();
    await kept(server, '{"Strategy":"BytesPerHour","BytesPerHour":262143}');
    assertError(await retrieve("vault", large, { RetrievalByteRange: `0-${mebibyte - 1}` }), enforced);
    await kept(server, '{"Strategy":"BytesPerHour","BytesPerHour":262144}');
    assertError(await retrieve("vault", large), enforced);
    assert.equal((await retrieve("vault", large, { RetrievalByteRange: `0-${mebibyte - 1}` })).status, 202);
    assertError(await retrieve("vault", large, { RetrievalByteRange: `0-${mebibyte - 1}` }), enforced);
  });

  test("a job that has ended leaves its place to others", async () => {
    const { server, large } = await prepared();
    await kept(server, `{"Strategy":"BytesPerHour","BytesPerHour":${mebibyte}}`);
    const wanted = { Type: "archive-retrieval", ArchiveId: large };
    const jobId = await initiateJob(server, "vault", wanted);
    assertError(await server.client.send(jobRequest("vault", wanted)), enforced);
    server.clock.advance(hourMilliseconds);
    await waitForJob(server, "vault", jobId);
    await initiateJob(server, "vault", wanted);
  });

  test("other tiers, and inventories, are never refused and never counted", async () => {
    const { server, large, retrieve } = await prepared({ monthlyFreeBytes: 0 });
    for (const rule of ['{"Strategy":"BytesPerHour","BytesPerHour":1}', '{"Strategy":"FreeTier"}']) {
      await kept(server, rule);
      assertError(await retrieve("vault", large), enforced);
      assertError(await retrieve("vault", large, { Tier: "Standard" }), enforced);
      for (const Tier of ["Expedited", "Bulk"] as const) {
        assert.equal((await retrieve("vault", large, { Tier })).status, 202);
      }
      await initiateJob(server, "vault", { Type: "inventory-retrieval" });
      await initiateJob(server, "vault", { Type: "inventory-retrieval", Tier: "Standard" });
    }
    await kept(server, `{"Strategy":"BytesPerHour","BytesPerHour":${mebibyte}}`);
    assert.equal((await retrieve("vault", large)).status, 202);
  });

  test("None refuses nothing, and a policy that is set later leaves accepted jobs alone", async () => {
    const { server, large } = await prepared();
    const wanted = { Type: "archive-retrieval", ArchiveId: large };
    const jobs = [await initiateJob(server, "vault", wanted), await initiateJob(server, "vault", wanted)];
    await kept(server, '{"Strategy":"BytesPerHour","BytesPerHour":1}');
    assertError(await server.client.send(jobRequest("vault", wanted)), enforced);
    server.clock.advance(hourMilliseconds);
    for (const jobId of jobs) {
      await waitForJob(server, "vault", jobId);
    }
    await kept(server, '{"Strategy":"None"}');
    await initiateJob(server, "vault", wanted);
  });

  test("FreeTier allows a day's share of the month, and counts what was accepted that day under any policy", async () => {
    // March has 31 days: a day's share is 5 MiB, and 30 bytes of the remainder are nobody's.
    const { server, large, small, retrieve } = await prepared({ monthlyFreeBytes: 31 * 5 * mebibyte + 30 });
    assert.equal((await retrieve("vault", large)).status, 202);
    await kept(server, '{"Strategy":"FreeTier"}');
    assertError(await retrieve("vault", large), enforced);
    assert.equal((await retrieve("vault", large, { RetrievalByteRange: `0-${mebibyte - 1}` })).status, 202);
    assertError(await retrieve("other", small), enforced);
  });

  test("FreeTier begins again with every day in UTC, whether or not jobs are done", async () => {
    const { server, large, retrieve } = await prepared({ monthlyFreeBytes: 31 * 4 * mebibyte });
    await kept(server, '{"Strategy":"FreeTier"}');
    assert.equal((await retrieve("vault", large)).status, 202);
    const midnight = dayMilliseconds - (startTime % dayMilliseconds);
    server.clock.advance(midnight - 1);
    assertError(await retrieve("vault", large), enforced);
    server.clock.advance(1);
    assert.equal((await retrieve("vault", large)).status, 202);
    assertError(await retrieve("vault", large), enforced);
  });

  test("jobs that race for the last bytes do not both get them", async () => {
    const { server, large, retrieve } = await prepared();
    await kept(server, `{"Strategy":"BytesPerHour","BytesPerHour":${2 * mebibyte}}`);
    const answers = await Promise.all(Array.from({ length: 6 }, () => retrieve("vault", large)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 202, 400, 400, 400, 400]);
  });
});
