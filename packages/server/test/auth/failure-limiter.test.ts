import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GlacierError } from "@moraine/protocol";
import { authenticator } from "../../src/auth/authenticate.ts";
import { FailureLimiter } from "../../src/auth/failure-limiter.ts";
import { adminRequest } from "../support/admin.ts";
import { assertError } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";
import { asSigned, draft, emptyHash, key, now, signInHeader } from "./signing.ts";

const other = { ...key, accessKeyId: "AKIAI44QH8DHBEXAMPLE" };
const never = 1e-9;

/** Whoever signs with the right secret, or a wrong one, from an address; and what it cost. */
function door(burst: number, perSecond = never) {
  const costs = { lookups: 0, hashes: 0 };
  const identify = authenticator({
    credentials: {
      findAccessKey: async (id) => {
        costs.lookups += 1;
        return [key, other].find(({ accessKeyId }) => accessKeyId === id) ?? null;
      },
    },
    region: "us-east-1",
    service: "glacier",
    presigned: "reads",
    unsignedHeaders: "refuse",
    failures: new FailureLimiter({ burst, perSecond }),
    systemNow: () => now,
  });
  const attempt = async (secretAccessKey: string, address: string, accessKeyId = key.accessKeyId) => {
    const request = asSigned(signInHeader(draft, { secretAccessKey, scope: { accessKeyId } }));
    try {
      const identified = await identify({ ...request, address });
      costs.hashes += 1;
      identified.verify(emptyHash);
      return "accepted";
    } catch (error) {
      assert.ok(error instanceof GlacierError);
      return error.code;
    }
  };
  return { attempt, costs };
}

const right = key.secretAccessKey;
const [here, there] = ["192.0.2.1", "198.51.100.7"];

describe("whoever keeps failing", () => {
  test("is throttled before anything is looked up or computed", async () => {
    const { attempt, costs } = door(3);
    for (let count = 0; count < 3; count += 1) {
      assert.equal(await attempt("wrong", here), "InvalidSignatureException");
    }
    assert.deepEqual(costs, { lookups: 3, hashes: 3 });
    assert.equal(await attempt("wrong", here), "ThrottlingException");
    assert.equal(await attempt(right, here), "ThrottlingException");
    assert.deepEqual(costs, { lookups: 3, hashes: 3 });
  });

  test("does not keep the key's owner out elsewhere, nor another key here", async () => {
    const { attempt } = door(1);
    assert.equal(await attempt("wrong", here), "InvalidSignatureException");
    assert.equal(await attempt(right, here), "ThrottlingException");
    assert.equal(await attempt(right, there), "accepted");
    assert.equal(await attempt(right, here, other.accessKeyId), "accepted");
  });

  test("is throttled for unknown keys too, whatever their length", async () => {
    const { attempt, costs } = door(2);
    const unknown = `AKIA${"X".repeat(500)}`;
    assert.equal(await attempt("x", here, unknown), "UnrecognizedClientException");
    assert.equal(await attempt("x", here, unknown), "UnrecognizedClientException");
    assert.equal(await attempt("x", here, unknown), "ThrottlingException");
    assert.equal(costs.lookups, 2);
  });

  test("may try again after a while", async () => {
    const { attempt } = door(1, 50);
    assert.equal(await attempt("wrong", here), "InvalidSignatureException");
    assert.equal(await attempt(right, here), "ThrottlingException");
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(await attempt(right, here), "accepted");
  });
});

test("requests that are right count for nothing, however many", async () => {
  const { attempt } = door(1);
  for (let count = 0; count < 500; count += 1) {
    assert.equal(await attempt(right, here), "accepted");
  }
});

test("the memory of who failed is bounded, and those that failed last stay in it", () => {
  const limiter = new FailureLimiter({ burst: 1, perSecond: never });
  for (let count = 0; count < 20_001; count += 1) {
    limiter.failed(`AKIA${count}`, here);
  }
  limiter.assertAllowed("AKIA0", here);
  assert.throws(() => limiter.assertAllowed("AKIA20000", here), { code: "ThrottlingException" });
});

test("both doors count together: who was throttled at the vaults is throttled at the admin API", async (context) => {
  const server = await startTestServer({ failures: { burst: 2, perSecond: never } });
  context.after(() => server.stop());
  const wrong = { ...server.key, secretAccessKey: "x".repeat(40) };
  const vaults = { method: "GET", path: "/-/vaults" };
  const mismatch = { status: 403, code: "InvalidSignatureException", message: /does not match/ };
  const throttled = { status: 400, code: "ThrottlingException", message: "Rate exceeded" };
  assertError(await server.client.send({ ...vaults, key: wrong }), mismatch);
  assertError(await server.client.send(adminRequest("ListUsers", { key: wrong })), mismatch);
  assertError(await server.client.send(adminRequest("ListUsers")), throttled);
  assertError(await server.client.send(vaults), throttled);
});
