import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { GlacierHttp } from "../support/glacier-http.ts";
import { accountId, region, rootKey, type ServerProcess } from "../support/server-process.ts";
import { debianPackages, succeed, withServer } from "./lab.ts";

const curl = await debianPackages("curl");

/** `curl --aws-sigv4`. Returns the status and the body. */
async function request({ url }: ServerProcess, path: string, args: readonly string[], service = "glacier") {
  const { stdout } = await succeed({ url }, "curl", [
    "--silent",
    "--show-error",
    "--aws-sigv4",
    `aws:amz:${region}:${service}`,
    "--user",
    `${rootKey.accessKeyId}:${rootKey.secretAccessKey}`,
    "--write-out",
    "\n%{http_code} %header{x-amz-archive-id}%header{x-amz-job-id}",
    ...args,
    `${url}${path}`,
  ]);
  const end = stdout.lastIndexOf("\n");
  const [status, id = ""] = stdout.slice(end + 1).split(" ");
  return { status: Number(status), id, body: stdout.slice(0, end) };
}

const version = ["--header", "x-amz-glacier-version: 2012-06-01"];

test("curl --aws-sigv4 goes from a vault to the bytes of an archive, and asks STS", { skip: curl.missing }, (context) =>
  withServer(async (server, folder) => {
    const vault = "/-/vaults/from-curl";
    const created = await request(server, vault, [...version, "--request", "PUT"]);
    assert.deepEqual(created, { status: 201, id: "", body: "{}" });
    const tags = ["--data", '{"Tags":{"purpose":"test"}}'];
    assert.equal((await request(server, `${vault}/tags?operation=add`, [...version, ...tags])).status, 204);

    const content = "the bytes of an archive";
    const file = `${folder}/content`;
    await writeFile(file, content);
    const hashes = ["x-amz-content-sha256", "x-amz-sha256-tree-hash"].flatMap((name) => [
      "--header",
      `${name}: ${hash("sha256", content)}`,
    ]);
    const description = ["--header", "x-amz-archive-description: by  curl"];
    const upload = [...version, ...hashes, ...description, "--data-binary", `@${file}`];
    const uploaded = await request(server, `${vault}/archives`, upload);
    assert.equal(uploaded.status, 201, uploaded.body);

    const parameters = JSON.stringify({ Type: "archive-retrieval", ArchiveId: uploaded.id });
    const job = await request(server, `${vault}/jobs`, [...version, "--data", parameters]);
    assert.equal(job.status, 202, job.body);
    const glacier = new GlacierHttp(server.url);
    await glacier.jobSucceeded("from-curl", job.id);
    glacier.close();
    const output = await request(server, `${vault}/jobs/${job.id}/output`, version);
    assert.equal(output.body, content);
    const listed = await request(server, "/-/vaults?limit=1&marker=", version);
    assert.equal((JSON.parse(listed.body) as { VaultList: unknown[] }).VaultList.length, 1);

    const query = ["--header", "Accept: application/json", "--data", "Action=GetCallerIdentity&Version=2011-06-15"];
    const identity = await request(server, "/", query, "sts");
    assert.equal(JSON.parse(identity.body).GetCallerIdentityResponse.GetCallerIdentityResult.Account, accountId);
    context.diagnostic(
      `curl ${curl.version}: vaults, tags, an archive, a job and its output, lists with a query, STS; left out: the other ` +
        "operations, which differ in nothing that curl signs",
    );
  }),
);
