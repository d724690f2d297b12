import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type OperationName, operations } from "@moraine/protocol";
import { assertError, createVault, unknownId } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";

const served: readonly OperationName[] = [
  "CreateVault",
  "DescribeVault",
  "ListVaults",
  "DeleteVault",
  "UploadArchive",
  "DeleteArchive",
  "InitiateMultipartUpload",
  "UploadMultipartPart",
  "CompleteMultipartUpload",
  "AbortMultipartUpload",
  "ListMultipartUploads",
  "ListParts",
  "InitiateJob",
  "DescribeJob",
  "ListJobs",
  "GetJobOutput",
];
const unserved = Object.entries(operations).filter(([name]) => !served.includes(name as OperationName));

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

test("sixteen operations are served, seventeen are not", () => {
  assert.equal(served.length, 16);
  assert.equal(unserved.length, 17);
});

for (const [name, { method, path, selector, request }] of unserved) {
  const pathIn = (account: string, vault: string) => {
    const filled = path
      .replace("{accountId}", account)
      .replace("{vaultName}", vault)
      .replace(/\{\w+\}/, unknownId);
    return selector === undefined ? filled : `${filled}?${new URLSearchParams(selector)}`;
  };
  const body = request === "json" ? { body: "{}" } : {};
  const refusal = { status: 400, code: "BadRequest", message: `This version of Moraine does not serve ${name} yet` };

  test(`${name} is refused with its name`, async () => {
    for (const account of ["-", accountId]) {
      assertError(await server.client.send({ method, path: pathIn(account, "vault"), ...body }), refusal);
    }
    assertError(await server.client.send({ method, path: pathIn("-", "nowhere"), ...body }), refusal);
  });

  test(`${name} is refused to strangers as any other operation is`, async () => {
    assertError(await server.client.send({ method, path: pathIn("-", "vault"), ...body, key: null }), {
      status: 400,
      code: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
    assertError(await server.client.send({ method, path: pathIn("999999999999", "vault"), ...body }), {
      status: 403,
      code: "AccessDeniedException",
      message: "Access denied for account ID: 999999999999",
    });
  });
}
