import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GlacierConnectionError, InsufficientCapacityException, ThrottlingException } from "@moraine/client";
import { RetryBudget } from "../src/http/retry-budget.ts";
import type { Retry } from "../src/operation-types.ts";
import { clientOf, described, failure, fine, vault } from "./support/scripted-client.ts";
import { answer, refuse, reset, scriptedServer } from "./support/scripted-server.ts";

const minute = 60_000;

test("a budget counts from the first failure, and its last attempt uses the end", () => {
  const budget = new RetryBudget();
  const pause = (now: number, askedMilliseconds = 0) =>
    budget.pauseBeforeNext({ wantedMilliseconds: 20_000, askedMilliseconds }, minute, now);
  assert.equal(pause(1000), 20_000);
  assert.equal(pause(31_000), 20_000);
  assert.equal(pause(51_000), 10_000);
  assert.equal(pause(61_000), null);
});

test("progress restarts a budget, and one of zero allows no retry", () => {
  const budget = new RetryBudget();
  const pause = (limit: number, now: number) => budget.pauseBeforeNext({ wantedMilliseconds: 1 }, limit, now);
  assert.equal(pause(minute, 0), 1);
  budget.restart(minute);
  assert.equal(pause(minute, minute + 1), 1);
  assert.equal(pause(minute, 2 * minute), null);
  assert.equal(new RetryBudget().pauseBeforeNext({ wantedMilliseconds: 1 }, 0, 5), null);
});

test("a pause that the service asks for is kept, or ends the attempts when it exceeds the budget", () => {
  const pause = (askedMilliseconds: number) =>
    new RetryBudget().pauseBeforeNext({ wantedMilliseconds: 10, askedMilliseconds }, minute, 0);
  assert.equal(pause(30_000), 30_000);
  assert.equal(pause(minute + 1), null);
});

describe("a call with a budget of time", () => {
  const busy = refuse(500, "ServiceUnavailableException", "busy", { "retry-after": "0" });
  const outage = Array.from({ length: 11 }, () => busy);

  test("outlasts more failures than eight attempts", async (t) => {
    t.mock.method(Math, "random", () => 0);
    await using server = await scriptedServer(...outage, fine);
    const retries: Retry[] = [];
    const client = clientOf(server, { retryForMilliseconds: minute });
    assert.deepEqual(await client.describeVault(vault, { onRetry: (retry) => retries.push(retry) }), described);
    assert.deepEqual(
      retries.map(({ attempts }) => attempts),
      outage.map((_, index) => index + 1),
    );
    assert.deepEqual(
      new Set(server.seen.map(({ headers }) => headers["amz-sdk-request"]?.includes("max"))),
      new Set([false]),
    );
  });

  test("sends a request once when the budget is zero", async () => {
    await using server = await scriptedServer(reset, fine);
    await assert.rejects(clientOf(server, { retryForMilliseconds: 0 }).describeVault(vault), GlacierConnectionError);
    assert.equal(server.seen.length, 1);
  });

  test("has its own limit only after the service has responded once", async (t) => {
    t.mock.method(Math, "random", () => 0);
    await using server = await scriptedServer(...Array.from({ length: 8 }, () => reset), fine, ...outage, fine);
    const client = clientOf(server);
    const options = { retryForMilliseconds: minute };
    await assert.rejects(client.describeVault(vault, options), GlacierConnectionError);
    assert.equal(server.seen.length, 8);
    await client.describeVault(vault, options);
    await client.describeVault(vault, options);
    assert.equal(server.seen.length, 8 + 1 + 12);
  });

  test("leaves missing capacity to the caller", async (t) => {
    t.mock.method(Math, "random", () => 0);
    await using server = await scriptedServer(fine, refuse(503, "InsufficientCapacityException"));
    const client = clientOf(server);
    await client.describeVault(vault);
    const error = await failure(client.describeVault(vault, { retryForMilliseconds: minute }));
    assert.ok(error instanceof InsufficientCapacityException);
    assert.equal(error.attempts, 8);
  });
});

describe("Retry-After", () => {
  const asked = async (headers: Record<string, string>) => {
    await using server = await scriptedServer(answer(429, headers, "slow down"), fine);
    const retries: Retry[] = [];
    const stop = new AbortController();
    const onRetry = (retry: Retry) => {
      retries.push(retry);
      stop.abort();
    };
    await failure(
      clientOf(server, { retryForMilliseconds: 2 * 60 * minute }).describeVault(vault, {
        onRetry,
        signal: stop.signal,
      }),
    );
    return retries[0]?.pauseMilliseconds ?? 0;
  };

  test("is heeded in seconds and as a date, and at most an hour", async () => {
    assert.equal(await asked({ "retry-after": "7" }), 7000);
    const date = (seconds: number) => new Date(Date.UTC(2012, 0, 1, 0, 0, seconds)).toUTCString();
    assert.equal(await asked({ date: date(0), "retry-after": date(9) }), 9000);
    assert.equal(await asked({ "retry-after": "999999999" }), 60 * minute);
  });

  test("is ignored when it is empty or in the past", async () => {
    for (const value of ["soon", "-5", "Fri, 31 Dec 1999 23:59:59 GMT"]) {
      assert.ok((await asked({ "retry-after": value })) <= 500, value);
    }
  });

  test("longer than the budget ends the attempts at once", async () => {
    await using server = await scriptedServer(
      refuse(400, "ThrottlingException", "slow", { "retry-after": "600" }),
      fine,
    );
    const error = await failure(clientOf(server, { retryForMilliseconds: minute }).describeVault(vault));
    assert.ok(error instanceof ThrottlingException);
    assert.deepEqual([error.attempts, error.retryAfterMilliseconds], [1, 600_000]);
  });
});
