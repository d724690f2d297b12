import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { CredentialCache, type Credentials } from "../src/http/credentials.ts";
import { ServiceClock } from "../src/http/service-clock.ts";
import { clientOf, failure, fine, keys, vault } from "./support/scripted-client.ts";
import { refuse, scriptedServer } from "./support/scripted-server.ts";

const minute = 60_000;

/** A provider of credentials that last for these times; null for a failure. */
function providerOf(...lifetimes: readonly (number | null)[]) {
  const provider = {
    asked: 0,
    async find(): Promise<Credentials> {
      const lifetime = lifetimes[Math.min(provider.asked, lifetimes.length - 1)] ?? null;
      provider.asked += 1;
      if (lifetime === null) {
        throw new Error("no network");
      }
      return { ...keys, sessionToken: `token ${provider.asked}`, expiration: new Date(Date.now() + lifetime) };
    },
  };
  return provider;
}

/** Returns the tokens that a cache gives at these minutes of a clock that starts at 0. */
async function tokensAt(minutes: readonly number[], provider: ReturnType<typeof providerOf>): Promise<string[]> {
  mock.timers.enable({ apis: ["Date"] });
  try {
    const cache = new CredentialCache(provider.find, new ServiceClock());
    const tokens: string[] = [];
    for (const at of minutes) {
      mock.timers.setTime(at * minute);
      const found = await cache.get().catch((error: Error) => ({ sessionToken: error.message }));
      tokens.push(String(found.sessionToken));
    }
    return tokens;
  } finally {
    mock.timers.reset();
  }
}

describe("a cache of credentials", () => {
  test("renews them five minutes before they expire", async () => {
    const provider = providerOf(60 * minute);
    const tokens = await tokensAt([0, 30, 54.9, 55, 56], provider);
    assert.deepEqual(tokens, ["token 1", "token 1", "token 1", "token 2", "token 2"]);
    assert.equal(provider.asked, 2);
  });

  test("asks for short-lived ones once, until half of their time is over", async () => {
    const provider = providerOf(4 * minute);
    const tokens = await tokensAt([0, 0.5, 1, 1.9, 2, 2.1], provider);
    assert.deepEqual(tokens, ["token 1", "token 1", "token 1", "token 1", "token 2", "token 2"]);
    assert.equal(provider.asked, 2);
  });

  test("keeps those that are still valid when their renewal fails, and asks again after at most a minute", async () => {
    const provider = providerOf(10 * minute, null, null, 10 * minute);
    const tokens = await tokensAt([0, 5, 5.1, 5.9, 6, 6.9, 7, 7.1], provider);
    assert.deepEqual(tokens, [...Array.from({ length: 6 }, () => "token 1"), "token 4", "token 4"]);
    assert.equal(provider.asked, 4);
  });

  test("rejects with the provider's error once they have expired", async () => {
    const tokens = await tokensAt([0, 9.99, 10], providerOf(10 * minute, null));
    assert.deepEqual(tokens, ["token 1", "token 1", "no network"]);
  });

  test("asks for those that do not expire once", async () => {
    let asked = 0;
    const find = async () => {
      asked += 1;
      return keys;
    };
    const cache = new CredentialCache(find, new ServiceClock());
    assert.deepEqual([await cache.get(), await cache.get()], [keys, keys]);
    assert.equal(asked, 1);
  });
});

describe("a call whose credentials cannot be renewed", () => {
  test("retries the renewal within its budget, as in a network outage", async (t) => {
    t.mock.method(Math, "random", () => 0);
    await using server = await scriptedServer(fine);
    const provider = providerOf(-1000, ...Array.from({ length: 12 }, () => null), minute);
    const client = clientOf(server, { credentials: provider.find, retryForMilliseconds: minute });
    await client.describeVault(vault);
    const retries: string[] = [];
    await client.describeVault(vault, { onRetry: ({ error }) => retries.push(error.message) });
    assert.deepEqual(
      retries,
      Array.from({ length: 12 }, () => "no network"),
    );
  });

  test("fails at once without a budget, or where none were ever found", async () => {
    await using server = await scriptedServer(refuse(500, "ServiceUnavailableException"));
    const client = clientOf(server, { credentials: providerOf(null).find, retryForMilliseconds: minute });
    assert.equal(String(await failure(client.describeVault(vault))), "Error: no network");
    assert.equal(server.seen.length, 0);
  });
});
