import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ExpiredTokenException,
  GlacierConnectionError,
  GlacierServiceError,
  InvalidSignatureException,
  ResourceNotFoundException,
  ServiceUnavailableException,
  ThrottlingException,
  UnexpectedResponseError,
} from "@moraine/client";
import { clientOf, described, failure, fine, keys, vault } from "./support/scripted-client.ts";
import { answer, cutShort, refuse, reset, type Step, scriptedServer } from "./support/scripted-server.ts";

// Tests against a scripted server, so that each response is known.

describe("temporary failures are retried", () => {
  const passing: Record<string, Step> = {
    "500": refuse(500, "ServiceUnavailableException"),
    "503 of a proxy": answer(503, { "content-type": "text/html" }, "<html><title>Busy</title></html>"),
    "408": refuse(408, "RequestTimeoutException"),
    "throttling with 400": refuse(400, "ThrottlingException", "Rate exceeded"),
    "throttling with 403": refuse(403, "ThrottlingException", "Rate exceeded"),
    "a reset connection": reset,
    "an answer cut short": cutShort({ "content-type": "application/json" }, '{"VaultName":'),
  };
  for (const [what, step] of Object.entries(passing)) {
    test(what, async () => {
      await using server = await scriptedServer(step, fine);
      assert.deepEqual(await clientOf(server).describeVault(vault), described);
      assert.equal(server.seen.length, 2);
    });
  }
});

describe("an operation that costs money each time", () => {
  const retrieval = { ...vault, jobParameters: { Type: "inventory-retrieval" } } as const;
  const started: Step = answer(202, { "x-amz-job-id": "job" });

  test("is not sent again when its outcome is unknown", async () => {
    for (const step of [reset, answer(504, { "content-type": "text/html" }, "<html>Gateway timeout</html>")]) {
      await using server = await scriptedServer(step, started);
      await failure(clientOf(server).initiateJob(retrieval));
      assert.equal(server.seen.length, 1);
    }
  });

  test("is sent again when the service itself says that it was not done", async () => {
    await using server = await scriptedServer(refuse(500, "ServiceUnavailableException"), started);
    assert.equal((await clientOf(server).initiateJob(retrieval)).jobId, "job");
    assert.equal(server.seen.length, 2);
  });
});

describe("permanent failures are thrown at once", () => {
  test("a refusal, by its class, with all facts", async () => {
    await using server = await scriptedServer(refuse(404, "ResourceNotFoundException", "Vault not found for ARN: x"));
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof ResourceNotFoundException && error instanceof GlacierServiceError);
    const { name, code, message, type, status, requestId, operation, attempts } = error;
    assert.deepEqual(
      { name, code, message, type, status, requestId, operation, attempts },
      {
        name: "ResourceNotFoundException",
        code: "ResourceNotFoundException",
        message: "Vault not found for ARN: x",
        type: "Client",
        status: 404,
        requestId: "REQUEST-1",
        operation: "DescribeVault",
        attempts: 1,
      },
    );
  });

  test("a code that this version does not know", async () => {
    await using server = await scriptedServer(refuse(400, "BrandNewException", "New"));
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof GlacierServiceError);
    assert.equal(error.constructor, GlacierServiceError);
    assert.equal(error.code, "BrandNewException");
  });

  test("a code that is a property of every object", async () => {
    await using server = await scriptedServer(refuse(400, "constructor"));
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof GlacierServiceError);
    assert.equal(error.code, "constructor");
  });

  test("a proxy's page, with its text", async () => {
    await using server = await scriptedServer(
      answer(413, {}, "<html><style>p{}</style><h1>Who are\n you?</h1><p>Log in.</p></html>"),
    );
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof UnexpectedResponseError);
    assert.equal(
      error.message,
      "DescribeVault: responded with 413 Payload Too Large, but not as this service does: Who are you? Log in.",
    );
  });

  test("a redirect, which is not followed", async () => {
    await using other = await scriptedServer(fine);
    await using server = await scriptedServer(answer(307, { location: `${other.url}/-/vaults/photos` }));
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof UnexpectedResponseError);
    assert.match(error.message, /is not followed/);
    assert.deepEqual([server.seen.length, other.seen.length], [1, 0]);
  });

  test("a success that is not Glacier's", async () => {
    await using server = await scriptedServer(answer(200, {}, "<h1>Free Wi-Fi</h1>"));
    const error = await failure(clientOf(server).describeVault(vault));
    assert.ok(error instanceof UnexpectedResponseError);
    assert.match(error.message, /no JSON object: "<h1>Free Wi-Fi/);
    await using upload = await scriptedServer(answer(201));
    const lost = await failure(clientOf(upload).uploadArchive({ ...vault, body: new Uint8Array(1) }));
    assert.match(String(lost), /without the header x-amz-archive-id/);
  });
});

describe("attempts end", () => {
  test("after as many as allowed, with the last one's error", async () => {
    await using server = await scriptedServer(reset, refuse(500, "ServiceUnavailableException"));
    const error = await failure(clientOf(server, { attemptsMax: 3 }).describeVault(vault));
    assert.ok(error instanceof ServiceUnavailableException);
    assert.equal(error.attempts, 3);
    assert.equal(server.seen.length, 3);
  });

  test("and without a response, with the reason", async () => {
    const server = await scriptedServer(fine);
    await server[Symbol.asyncDispose]();
    const error = await failure(clientOf(server, { attemptsMax: 2 }).describeVault(vault));
    assert.ok(error instanceof GlacierConnectionError);
    assert.match(error.message, /^DescribeVault: no response from http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    assert.deepEqual([error.operation, error.attempts], ["DescribeVault", 2]);
    assert.equal((error.cause as NodeJS.ErrnoException).code, "ECONNREFUSED");
  });

  test("all of them carry one invocation's id, and their number", async () => {
    await using server = await scriptedServer(reset, refuse(500, "ServiceUnavailableException"), fine);
    const client = clientOf(server);
    await client.describeVault(vault);
    await client.describeVault(vault);
    const ids = server.seen.map(({ headers }) => headers["amz-sdk-invocation-id"]);
    assert.equal(new Set(ids.slice(0, 3)).size, 1);
    assert.notEqual(ids[2], ids[3]);
    assert.deepEqual(
      server.seen.map(({ headers }) => headers["amz-sdk-request"]),
      ["attempt=1; max=8", "attempt=2; max=8", "attempt=3; max=8", "attempt=1; max=8"],
    );
  });

  test("carry the invocation's id that the caller names", async () => {
    await using server = await scriptedServer(reset, fine);
    await clientOf(server).describeVault(vault, { invocationId: "kept-for-later" });
    const ids = server.seen.map(({ headers }) => headers["amz-sdk-invocation-id"]);
    assert.deepEqual(ids, ["kept-for-later", "kept-for-later"]);
  });

  test("throttling slows down all later calls of the operation, and of no other", async () => {
    await using server = await scriptedServer(refuse(400, "ThrottlingException"), fine);
    const client = clientOf(server, { attemptsMax: 1 });
    await assert.rejects(client.describeVault(vault), ThrottlingException);
    const start = performance.now();
    await client.listTagsForVault(vault);
    assert.ok(performance.now() - start < 500);
    await client.describeVault(vault);
    const elapsed = performance.now() - start;
    assert.ok(elapsed > 1000, `${elapsed} ms`);
  });
});

describe("time and credentials", () => {
  const hourAhead = () => new Date(Date.now() + 3_600_000).toUTCString();
  const expired =
    "Signature expired: 20120907T094027Z is now earlier than 20120907T094737Z (20120907T095237Z - 5 min.)";
  const dateOf = (amzDate: string) =>
    Date.parse(amzDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));

  test("a clock that is wrong follows the service's, once and for the calls to come", async () => {
    await using server = await scriptedServer(
      refuse(403, "InvalidSignatureException", expired, { date: hourAhead() }),
      fine,
    );
    const client = clientOf(server);
    await client.describeVault(vault);
    await client.describeVault(vault);
    const ahead = server.seen.map(({ headers }) =>
      Math.floor(0.5 + (dateOf(String(headers["x-amz-date"])) - Date.now()) / 60_000),
    );
    assert.deepEqual(ahead, [0, 60, 60]);
  });

  test("a clock that is never right is an error after the second attempt", async () => {
    await using server = await scriptedServer(refuse(403, "InvalidSignatureException", expired, { date: hourAhead() }));
    await assert.rejects(clientOf(server).describeVault(vault), InvalidSignatureException);
    assert.equal(server.seen.length, 2);
  });

  test("a signature that is wrong for another reason is not made again", async () => {
    await using server = await scriptedServer(
      refuse(403, "InvalidSignatureException", "The request signature we", { date: hourAhead() }),
    );
    await assert.rejects(clientOf(server).describeVault(vault), InvalidSignatureException);
    assert.equal(server.seen.length, 1);
  });

  test("expired credentials are replaced once, for all calls that meet them", async () => {
    const asked: unknown[] = [];
    const credentials = async (options?: object) => {
      asked.push(options);
      await sleep(20);
      return { ...keys, sessionToken: `token ${asked.length}` };
    };
    const byToken: Step = (response, request) =>
      (request.headers["x-amz-security-token"] === "token 1" ? refuse(403, "ExpiredTokenException") : fine)(
        response,
        request,
      );
    await using server = await scriptedServer(byToken);
    const client = clientOf(server, { credentials });
    await Promise.all([client.describeVault(vault), client.describeVault(vault), client.describeVault(vault)]);
    assert.deepEqual(asked, [{}, { forceRefresh: true }]);
  });

  test("a call that is refused later takes those that others have got", async () => {
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return { ...keys, sessionToken: `token ${asked}` };
    };
    let refused = 0;
    await using server = await scriptedServer((response, request) => {
      if (request.headers["x-amz-security-token"] !== "token 1") {
        fine(response, request);
        return;
      }
      refused += 1;
      setTimeout(() => refuse(403, "ExpiredTokenException")(response, request), refused * 50);
    });
    const client = clientOf(server, { credentials });
    await Promise.all([client.describeVault(vault), client.describeVault(vault), client.describeVault(vault)]);
    assert.deepEqual([asked, refused], [2, 3]);
  });

  test("the first refusal is thrown where there are no others", async () => {
    await using server = await scriptedServer(refuse(403, "ExpiredTokenException"));
    await assert.rejects(clientOf(server).describeVault(vault), ExpiredTokenException);
    assert.equal(server.seen.length, 1);
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return { ...keys, sessionToken: `token ${asked}` };
    };
    await assert.rejects(clientOf(server, { credentials }).describeVault(vault), ExpiredTokenException);
    assert.equal(asked, 2);
  });

  test("credentials that no header can carry are an error without the secret, and no broken connection", async () => {
    await using server = await scriptedServer(fine);
    const client = clientOf(server, { credentials: { ...keys, sessionToken: "token\n" } });
    await assert.rejects(client.describeVault(vault), (error: Error) => {
      assert.equal(error.name, "TypeError");
      assert.match(error.message, /^The header x-amz-security-token cannot be sent: its value has a line break/);
      assert.doesNotMatch(error.message, /token\n/);
      return true;
    });
    assert.equal(server.seen.length, 0);
  });

  test("credentials that cannot be found are the provider's error", async () => {
    await using server = await scriptedServer(fine);
    const none = new Error("no profile");
    const credentials = async () => {
      throw none;
    };
    assert.equal(await failure(clientOf(server, { credentials }).describeVault(vault)), none);
    assert.equal(server.seen.length, 0);
  });
});
