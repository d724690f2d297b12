import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { signedClient } from "../support/signed-request.ts";
import { routeRequests } from "./route-drafts.ts";
import { signInQuery } from "./signing.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const key = { accessKeyId: "AKIACANARY0000000001", secretAccessKey: "c4n4ry+S3CRET/thatNobodyMaySee/0123456789" };
const folder = await mkdtemp(join(tmpdir(), "moraine-logs-"));
after(() => rm(folder, { recursive: true }));

test("a server that logs all it can, while requests fail, tells no secret and no signature", {
  timeout: 30_000,
}, async () => {
  const server = await startProcess();
  const client = signedClient({ port: server.port, key, region: "us-east-1" });
  const wrong = { ...key, secretAccessKey: `${key.secretAccessKey}x` };
  for (const { method, path, headers, body } of routeRequests()) {
    const request = { method, path, headers, ...(body === "" ? {} : { body }) };
    await client.send(request);
    await client.send({ ...request, key: wrong });
    await client.send({ ...request, key: null, unsignedHeaders: { authorization: "AWS4-HMAC-SHA256 Credential=x" } });
  }
  const presigned = presignedPath(server.port);
  // The same request to the server, since names are decoded.
  const encoded = presigned.path.replace("X-Amz-Signature=", "X-Amz-Signatur%65=");
  for (const path of [presigned.path, encoded]) {
    assert.equal((await client.send({ method: "GET", path, key: null })).status, 200);
  }
  const pages = await Promise.all(
    ["/metrics", "/health/ready", "/health/live"].map((path) => client.send({ method: "GET", path, key: null })),
  );
  client.close();
  const output = await server.stop();
  assert.match(output, /DescribeVault/, "requests were logged");
  assert.match(output, /X-Amz-Expires/, "the presigned request was logged");
  for (const text of [output, ...pages.map((page) => page.text)]) {
    for (const secret of [key.secretAccessKey, wrong.secretAccessKey, presigned.signature]) {
      assert.ok(!text.includes(secret) && !text.includes(Buffer.from(secret).toString("base64")));
    }
    assert.doesNotMatch(text, /Signature=[0-9a-f]{8}/);
  }
});

function presignedPath(port: number): { path: string; signature: string } {
  const draft = { method: "GET", path: "/-/vaults", headers: [["host", `127.0.0.1:${port}`]] } as const;
  const headers = [...draft.headers, ["x-amz-glacier-version", "2012-06-01"] as const];
  const amzDate = new Date().toISOString().replace(/[-:]|\.[0-9]+/g, "");
  const { accessKeyId, secretAccessKey } = key;
  const { query = "" } = signInQuery({ ...draft, headers }, { amzDate, secretAccessKey, scope: { accessKeyId } });
  return { path: `${draft.path}?${query}`, signature: new URLSearchParams(query).get("X-Amz-Signature") ?? "" };
}

async function startProcess() {
  const args = ["--conditions=@moraine/source", main, "--data", join(folder, "data"), "--listen", "127.0.0.1:0"];
  const child = spawn(process.execPath, [...args, "--log-level", "trace"], {
    env: {
      ...process.env,
      MORAINE_ROOT_ACCESS_KEY_ID: key.accessKeyId,
      MORAINE_ROOT_SECRET_ACCESS_KEY: key.secretAccessKey,
    },
  });
  let output = "";
  const started = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const port = /AWS_ENDPOINT_URL_GLACIER=http:\/\/127\.0\.0\.1:([0-9]+)/.exec(output)?.[1];
      if (port !== undefined) {
        started.resolve(Number(port));
      }
    });
  }
  child.once("exit", () => started.reject(new Error(`The server ended: ${output}`)));
  const port = await started.promise;
  return {
    port,
    async stop(): Promise<string> {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
      return output;
    },
  };
}
