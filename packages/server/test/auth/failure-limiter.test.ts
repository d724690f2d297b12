import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { errors, GlacierError } from "@moraine/protocol";
import { authenticator } from "../../src/auth/authenticate.ts";
import { FailureLimiter } from "../../src/auth/failure-limiter.ts";
import { adminRequest } from "../support/admin.ts";
import { assertError } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";
import { asSigned, draft, emptyHash, key, now, signInHeader } from "./signing.ts";

const other = { ...key, accessKeyId: "AKIAI44QH8DHBEXAMPLE" };
const never = 1e-9;

/** Signs with the right secret or a wrong one, from an address. */
function door(burst: number, perSecond = never) {
  const identify = authenticator({
    credentials: {
      state: () => ({ version: 0, readAt: 0 }),
      isCurrent: () => true,
      findAccessKey: async (id) => [key, other].find(({ accessKeyId }) => accessKeyId === id) ?? null,
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
      using identified = await identify({ ...request, address });
      identified.verify(emptyHash);
      return "accepted";
    } catch (error) {
      assert.ok(error instanceof GlacierError);
      return error.code;
    }
  };
  return { attempt, identify };
}

const right = key.secretAccessKey;
const [here, there] = ["192.0.2.1", "198.51.100.7"];

describe("a client that keeps failing", () => {
  test("gets no more details than that", async () => {
    const { attempt } = door(3);
    for (let count = 0; count < 3; count += 1) {
      assert.equal(await attempt("wrong", here), "InvalidSignatureException");
    }
    assert.equal(await attempt("wrong", here), "ThrottlingException");
    assert.equal(await attempt("wrong", there), "InvalidSignatureException");
    assert.equal(await attempt("wrong", here, other.accessKeyId), "InvalidSignatureException");
  });

  test("does not keep a correct signature out, from the same address and for the same key", async () => {
    const { attempt } = door(1);
    for (let count = 0; count < 50; count += 1) {
      await attempt("wrong", here);
    }
    assert.equal(await attempt(right, here), "accepted");
    assert.equal(await attempt("wrong", here), "ThrottlingException", "a success forgives nothing");
  });

  test("is throttled for unknown keys too, whatever their length", async () => {
    const { attempt } = door(2);
    const unknown = `AKIA${"X".repeat(500)}`;
    assert.equal(await attempt("x", here, unknown), "UnrecognizedClientException");
    assert.equal(await attempt("x", here, unknown), "UnrecognizedClientException");
    assert.equal(await attempt("x", here, unknown), "ThrottlingException");
  });

  test("is throttled on its whole network of IPv6", async () => {
    const { attempt } = door(1);
    assert.equal(await attempt("wrong", "2001:db8::1"), "InvalidSignatureException");
    assert.equal(await attempt("wrong", "2001:db8::2"), "ThrottlingException");
    assert.equal(await attempt("wrong", "2001:db8:0:1::2"), "InvalidSignatureException");
  });

  test("has the first failure after a pause answered in full, however many there were", async () => {
    const { attempt } = door(1, 50);
    for (let count = 0; count < 500; count += 1) {
      await attempt("wrong", here);
    }
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(await attempt("wrong", here), "InvalidSignatureException");
  });

  test("cannot fail more often by failing all at once", async () => {
    const { attempt } = door(100);
    const codes = await Promise.all(Array.from({ length: 1900 }, () => attempt("wrong", here)));
    assert.equal(codes.filter((code) => code === "InvalidSignatureException").length, 100);
    assert.equal(codes.filter((code) => code === "ThrottlingException").length, 1800);
  });
});

test("attempts that end without a verdict are no failures", async () => {
  const { attempt, identify } = door(1);
  const request = asSigned(signInHeader(draft));
  const open = await Promise.all(Array.from({ length: 5 }, () => identify({ ...request, address: here })));
  assert.equal(await attempt("wrong", here), "ThrottlingException", "while they are in flight they count");
  for (const identified of open) {
    identified[Symbol.dispose]();
    identified[Symbol.dispose]();
  }
  assert.equal(await attempt("wrong", here, other.accessKeyId), "InvalidSignatureException");
});

test("requests that are right count for nothing, however many", async () => {
  const { attempt } = door(1);
  for (let count = 0; count < 500; count += 1) {
    assert.equal(await attempt(right, here), "accepted");
  }
});

test("the memory of failures is bounded, and the latest stay in it", () => {
  const limiter = new FailureLimiter({ burst: 1, perSecond: never });
  const fail = (accessKeyId: string) => limiter.begin(accessKeyId, here).failed(errors.signatureMismatch());
  for (let count = 0; count < 20_001; count += 1) {
    fail(`AKIA${count}`);
  }
  assert.equal((fail("AKIA0") as GlacierError).code, "InvalidSignatureException");
  assert.equal((fail("AKIA20000") as GlacierError).code, "ThrottlingException");
});

test("both APIs count together, and neither keeps a correct signature out", async (context) => {
  const server = await startTestServer({ nodes: 1, failures: { burst: 2, perSecond: never } });
  context.after(() => server.stop());
  const wrong = { ...server.key, secretAccessKey: "x".repeat(40) };
  const vaults = { method: "GET", path: "/-/vaults" };
  const mismatch = { status: 403, code: "InvalidSignatureException", message: /does not match/ };
  const throttled = { status: 400, code: "ThrottlingException", message: "Rate exceeded" };
  assertError(await server.client.send({ ...vaults, key: wrong }), mismatch);
  assertError(await server.client.send(adminRequest("ListUsers", { key: wrong })), mismatch);
  assertError(await server.client.send(adminRequest("ListUsers", { key: wrong })), throttled);
  assertError(await server.client.send({ ...vaults, key: wrong }), throttled);
  assert.equal((await server.client.send(adminRequest("ListUsers"))).status, 200);
  assert.equal((await server.client.send(vaults)).status, 200);
});
