import assert from "node:assert/strict";
import { test } from "node:test";
import { DescribeVaultCommand, GetJobOutputCommand } from "@aws-sdk/client-glacier";
import { SignatureV4 } from "@smithy/signature-v4";
import { GlacierHttp, Sha256 } from "../support/glacier-http.ts";
import { sdkClient } from "../support/sdk-client.ts";
import { accountId, region, rootKey, type ServerProcess } from "../support/server-process.ts";
import { debianPackages, labFile, succeed, withServer } from "./lab.ts";

const vault = "presigned";
const content = Buffer.from("the bytes of an archive");

/** A job whose output can be read. */
async function finishedJob(server: ServerProcess): Promise<string> {
  const glacier = new GlacierHttp(server.url);
  try {
    await glacier.createVault(vault);
    const archiveId = await glacier.uploadArchive(vault, content, "");
    const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    await glacier.jobSucceeded(vault, jobId);
    return jobId;
  } finally {
    glacier.close();
  }
}

/** Fetches with nothing but the URL, as a browser would. */
async function assertReadable(urls: { readonly vault: string; readonly output: string }): Promise<void> {
  const described = await fetch(urls.vault);
  const text = await described.text();
  assert.equal(described.status, 200, text);
  assert.equal((JSON.parse(text) as { VaultName: string }).VaultName, vault);
  const output = await fetch(urls.output);
  assert.deepEqual(Buffer.from(await output.arrayBuffer()), content);
}

const boto3 = await debianPackages("python3-boto3");

test("URLs that boto3 presigns can be read as they are, and STS answers it", { skip: boto3.missing }, (context) =>
  withServer(async (server) => {
    const args = ["-B", labFile("boto3_urls.py"), vault, await finishedJob(server)];
    const { stdout } = await succeed(server, "/usr/bin/python3", args);
    const { urls, account } = JSON.parse(stdout);
    await assertReadable(urls);
    assert.equal(account, accountId);
    context.diagnostic(
      `boto3 (python3-boto3 ${boto3.version}): presigned URLs, STS; its operations are called by the system tests`,
    );
  }),
);

const cli = await debianPackages("awscli");

test("aws-cli asks STS for the account", { skip: cli.missing }, (context) =>
  withServer(async (server) => {
    const args = ["sts", "get-caller-identity", "--endpoint-url", server.url];
    const { stdout } = await succeed(server, "/usr/bin/aws", args);
    assert.deepEqual(JSON.parse(stdout), {
      UserId: accountId,
      Account: accountId,
      Arn: `arn:aws:iam::${accountId}:root`,
    });
    context.diagnostic(`aws-cli ${cli.version}: STS; its operations are called by the system tests`);
  }),
);

test("URLs that the AWS SDK for JavaScript 3 presigns can be read as they are", (context) =>
  withServer(async (server) => {
    const jobId = await finishedJob(server);
    const place = { accountId: "-", vaultName: vault };
    await assertReadable({
      vault: await presignedBySdk(server, new DescribeVaultCommand(place)),
      output: await presignedBySdk(server, new GetJobOutputCommand({ ...place, jobId })),
    });
    context.diagnostic("AWS SDK for JavaScript 3: presigned URLs; its operations are called by npm test");
  }));

type Presignable = Parameters<SignatureV4["presign"]>[0];

/** The request that the SDK would send, presigned by its signer as AWS's presigner does: without what differs at each try. */
async function presignedBySdk(
  server: ServerProcess,
  command: DescribeVaultCommand | GetJobOutputCommand,
): Promise<string> {
  const client = sdkClient(server);
  let request: Presignable | undefined;
  const capture = () => async (args: { request: unknown }) => {
    request = args.request as Presignable;
    return { response: {}, output: { $metadata: {} } as never };
  };
  client.middlewareStack.addRelativeTo(capture, { relation: "before", toMiddleware: "httpSigningMiddleware" });
  await client.send(command as DescribeVaultCommand);
  client.destroy();
  assert.ok(request !== undefined);
  for (const name of ["amz-sdk-invocation-id", "amz-sdk-request", "x-amz-user-agent"]) {
    delete request.headers[name];
  }
  const signer = new SignatureV4({ credentials: rootKey, region, service: "glacier", sha256: Sha256 });
  const { protocol, hostname, port, path, query } = await signer.presign(request, { expiresIn: 60 });
  return `${protocol}//${hostname}:${port}${path}?${new URLSearchParams(query as Record<string, string>)}`;
}
