import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { content } from "../../../protocol/test/content-vectors.ts";
import {
  arn,
  assertError,
  createVault,
  describeJob,
  finishedJob,
  getOutput,
  initiateJob,
  invalid,
  jobRequest,
  mebibyte,
  missing,
  notFound,
  treeHashOf,
  unknownArchiveId,
  unknownId,
  uploadArchive,
  uploadInParts,
  vaultNotFound,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { accountId, dayMilliseconds, hourMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
const archive = content("M", 6_815_744);
let archiveId: string;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
  archiveId = await uploadArchive(server, "vault", archive, "the archive");
});
after(() => server.stop());

const ask = (parameters: Readonly<Record<string, unknown>>) => server.client.send(jobRequest("vault", parameters));
const get = (path: string) => server.client.send({ method: "GET", path });
const retrieval = (more: Readonly<Record<string, unknown>> = {}) => ({
  Type: "archive-retrieval",
  ArchiveId: archiveId,
  ...more,
});
const inventory = (more: Readonly<Record<string, unknown>> = {}) => ({ Type: "inventory-retrieval", ...more });
const isoNow = (on = server) => new Date(on.clock.now()).toISOString();
const serialization = { status: 400, code: "SerializationException", message: /./ };

describe("InitiateJob", () => {
  test("answers 202 with the job's path and id, and no body", async () => {
    const answer = await ask(retrieval());
    assert.equal(answer.status, 202);
    const id = String(answer.headers["x-amz-job-id"]);
    assert.match(id, /^[A-Za-z0-9_-]{92}$/);
    assert.equal(answer.headers.location, `/${accountId}/vaults/vault/jobs/${id}`);
    assert.equal(answer.headers["x-amz-job-output-path"], undefined);
    assert.equal(answer.headers["content-length"], "0");
    assert.equal(answer.text, "");
  });

  test("the same request again makes another job", async () => {
    assert.notEqual(await initiateJob(server, "vault", retrieval()), await initiateJob(server, "vault", retrieval()));
  });

  test("a body that is missing, or no JSON object, is refused", async () => {
    const path = `${vaultPath("vault")}/jobs`;
    assertError(await server.client.send({ method: "POST", path }), missing("Job Parameters"));
    for (const body of [
      "{",
      "null",
      "[]",
      '"text"',
      "7",
      '{"Type":1}',
      '{"Type":{}}',
      '{"Type":"a","Type":"b"}',
      "\u0000",
    ]) {
      assertError(await server.client.send({ method: "POST", path, body }), serialization);
    }
    const latin = Buffer.from('{"Type":"caf\u00e9"}', "latin1");
    assertError(await server.client.send({ method: "POST", path, body: latin }), serialization);
  });

  test("a field of the wrong JSON type is refused", async () => {
    const wrong = [{ ArchiveId: 5 }, { Tier: true }, { InventoryRetrievalParameters: "x" }, { Description: ["x"] }];
    for (const members of wrong) {
      assertError(await ask(retrieval(members)), serialization);
    }
    assertError(await ask(inventory({ InventoryRetrievalParameters: { StartDate: 5 } })), serialization);
  });

  test("names the missing parameter", async () => {
    assertError(await ask({}), missing("type"));
    assertError(await ask({ Type: null, ArchiveId: archiveId }), missing("type"));
    assertError(await ask({ Type: "archive-retrieval" }), missing("archiveId"));
    assertError(await ask({ Type: "archive-retrieval", ArchiveId: null }), missing("archiveId"));
    assertError(await ask({ Type: "archive-retrieval", Tier: "Fast" }), missing("archiveId"));
  });

  test("a type that is none, or retired, is refused", async () => {
    for (const type of ["", "select", "Archive-Retrieval", "archive_retrieval"]) {
      assertError(await ask(retrieval({ Type: type })), invalid(`Invalid job type: ${type}`));
    }
  });

  test("a wrong tier or format is refused for either kind of job", async () => {
    for (const request of [retrieval, inventory]) {
      for (const tier of ["", "standard", "EXPEDITED", "Fast"]) {
        assertError(await ask(request({ Tier: tier })), invalid(`Invalid Tier: ${tier}`));
      }
      for (const format of ["", "json", "XML"]) {
        assertError(await ask(request({ Format: format })), invalid(`Invalid Format: ${format}`));
      }
    }
  });

  test("parameters of the other kind of job are ignored, but not the range or the archive of an inventory", async () => {
    assert.equal((await ask(retrieval({ Format: "CSV" }))).status, 202);
    assert.equal((await ask(inventory({ Tier: "Bulk" }))).status, 202);
    assertError(await ask(inventory({ ArchiveId: archiveId })), invalid(/^ArchiveId must not be given/));
    assertError(await ask(inventory({ RetrievalByteRange: "0-1048575" })), invalid(/^RetrievalByteRange must not/));
  });

  test("an unknown archive, and one of another vault, are not found", async () => {
    await createVault(server, "stranger");
    const foreign = await uploadArchive(server, "stranger", Buffer.from("x"));
    for (const id of [unknownArchiveId, foreign, "", "-"]) {
      assertError(await ask(retrieval({ ArchiveId: id })), notFound(`The archive ID was not found: ${id}`));
    }
  });

  test("a missing vault is not found, before the body is judged", async () => {
    assertError(await server.client.send(jobRequest("nowhere", { Type: "nonsense" })), vaultNotFound("nowhere"));
  });

  test("a description is up to 1,024 printable ASCII characters", async () => {
    for (const text of ["", " ", "x".repeat(1024), "a  b"]) {
      const job = await describeJob(
        server,
        "vault",
        await initiateJob(server, "vault", retrieval({ Description: text })),
      );
      assert.equal(job.JobDescription, text);
    }
    for (const text of ["x".repeat(1025), "caf\u00e9", "two\nlines"]) {
      assertError(await ask(retrieval({ Description: text })), invalid(/^Invalid job description: /));
    }
  });

  test("a topic must be an ARN of SNS", async () => {
    const topic = "arn:aws:sns:us-east-1:012345678901:topic";
    const job = await describeJob(server, "vault", await initiateJob(server, "vault", retrieval({ SNSTopic: topic })));
    assert.equal(job.SNSTopic, topic);
    for (const wrong of ["", "topic", "arn:aws:sqs:us-east-1:012345678901:queue"]) {
      assertError(await ask(retrieval({ SNSTopic: wrong })), invalid(/^Invalid SNS topic ARN: /));
    }
  });

  test("a range starts at a MiB and ends before one or with the archive", async () => {
    for (const range of ["0-1048575", "1048576-6815743", "6291456-6815743", "0-6815743"]) {
      assert.equal((await ask(retrieval({ RetrievalByteRange: range }))).status, 202, range);
    }
    const wrong = ["", "-", "0-", "-1048575", "bytes=0-1048575", "1-1048575", "0-1048574", "0-1048576", "1048576-0"];
    for (const range of [...wrong, "0-7340031", "7340032-8388607", "0-6815744", "0 - 1048575", "0-1048575,2-3"]) {
      assertError(
        await ask(retrieval({ RetrievalByteRange: range })),
        invalid(`Invalid retrieval byte range: ${range}`),
      );
    }
  });

  test("nulls, unknown fields, any content type, and the guide's wrapper are understood", async () => {
    const nulls = { Tier: null, Description: null, SNSTopic: null, RetrievalByteRange: null, Format: null };
    const none = { InventoryRetrievalParameters: null };
    assert.equal((await ask(retrieval({ ...nulls, ...none, SelectParameters: null }))).status, 202);
    assert.equal((await ask(inventory({ ...nulls, ArchiveId: null, Colour: "blue" }))).status, 202);
    assert.equal((await ask({ jobParameters: retrieval() })).status, 202);
    const type = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    assert.equal((await server.client.send({ ...jobRequest("vault", retrieval()), headers: type })).status, 202);
  });

  test("inventory parameters are judged at once", async () => {
    const asked = (parameters: object) => ask(inventory({ InventoryRetrievalParameters: parameters }));
    for (const date of ["", "yesterday", "2013-03-20", "2013-03-20T17:03:43", "2013-13-20T17:03:43Z"]) {
      assertError(await asked({ StartDate: date }), invalid(`Invalid StartDate: ${date}`));
      assertError(await asked({ EndDate: date }), invalid(`Invalid EndDate: ${date}`));
    }
    const date = "2013-03-20T17:03:43Z";
    assertError(await asked({ StartDate: date, EndDate: date }), invalid(/^Invalid EndDate: /));
    for (const limit of ["0", "-1", "", "ten", "1.5", 0, 1.5]) {
      assertError(await asked({ Limit: limit }), invalid(`Invalid limit: ${limit}`));
    }
    for (const marker of ["", "nonsense", "A".repeat(139)]) {
      assertError(await asked({ Marker: marker }), invalid(`Invalid marker: ${marker}`));
    }
  });
});

describe("DescribeJob", () => {
  const wholeHash = "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f";

  test("a retrieval has every field but those of select, in alphabetical order, with nulls", async () => {
    const jobId = await initiateJob(server, "vault", retrieval({ Description: "why" }));
    const created = isoNow();
    await waitForJob(server, "vault", jobId);
    const answer = await get(`${vaultPath("vault")}/jobs/${jobId}`);
    assert.equal(answer.status, 200);
    assert.equal(
      answer.text,
      `{"Action":"ArchiveRetrieval","ArchiveId":"${archiveId}","ArchiveSHA256TreeHash":"${wholeHash}",` +
        `"ArchiveSizeInBytes":6815744,"Completed":true,"CompletionDate":"${created}","CreationDate":"${created}",` +
        `"InventoryRetrievalParameters":null,"InventorySizeInBytes":null,"JobDescription":"why","JobId":"${jobId}",` +
        `"RetrievalByteRange":"0-6815743","SHA256TreeHash":"${wholeHash}","SNSTopic":null,"StatusCode":"Succeeded",` +
        `"StatusMessage":"Succeeded","Tier":"Standard","VaultARN":"${arn("vault")}"}`,
    );
  });

  test("an inventory job likewise", async () => {
    const parameters = { StartDate: "2013-03-20T17:03:43Z", EndDate: "2113-03-20T17:03:43+01:00", Limit: 5 };
    const topic = "arn:aws:sns:us-east-1:012345678901:topic";
    const more = { Format: "CSV", Tier: "Bulk", SNSTopic: topic, InventoryRetrievalParameters: parameters };
    const jobId = await initiateJob(server, "vault", inventory(more));
    const created = isoNow();
    await waitForJob(server, "vault", jobId);
    const size = (await getOutput(server, "vault", jobId)).body.length;
    assert.equal(
      (await get(`${vaultPath("vault")}/jobs/${jobId}`)).text,
      `{"Action":"InventoryRetrieval","ArchiveId":null,"ArchiveSHA256TreeHash":null,"ArchiveSizeInBytes":null,` +
        `"Completed":true,"CompletionDate":"${created}","CreationDate":"${created}","InventoryRetrievalParameters":` +
        `{"EndDate":"2113-03-20T17:03:43+01:00","Format":"CSV","Limit":"5","Marker":null,` +
        `"StartDate":"2013-03-20T17:03:43Z"},"InventorySizeInBytes":${size},"JobDescription":null,"JobId":"${jobId}",` +
        `"RetrievalByteRange":null,"SHA256TreeHash":null,"SNSTopic":"${topic}","StatusCode":"Succeeded",` +
        `"StatusMessage":"Succeeded","Tier":null,"VaultARN":"${arn("vault")}"}`,
    );
  });

  test("a ranged retrieval has the hash of its range, if that is a node of the tree", async () => {
    const inParts = await uploadInParts(server, "vault", archive, 2 * mebibyte);
    for (const id of [archiveId, inParts]) {
      for (const [range, hash] of [
        ["4194304-6815743", "3e997f13ddc355e8a55035672d60ba90275ece6485044b3616a0966e2b895fc1"],
        ["1048576-2097151", "729b9155f00261a681000ccd0ff20e750ed3d525b5b1e6fc961837a3bb666fd6"],
        ["0-4194303", "c7d749cd55cefa8ed8fbc208202e18d019b7701f29886f7c5d662d77b3903833"],
        ["0-6815743", wholeHash],
        ["1048576-3145727", null],
        ["5242880-6815743", null],
      ] as const) {
        const job = retrieval({ ArchiveId: id, RetrievalByteRange: range });
        const description = await describeJob(server, "vault", await initiateJob(server, "vault", job));
        assert.equal(description.SHA256TreeHash, hash, range);
        assert.equal(description.ArchiveSHA256TreeHash, wholeHash);
        assert.equal(description.ArchiveSizeInBytes, archive.length);
        assert.equal(description.RetrievalByteRange, range);
      }
    }
  });

  test("an unknown job, and one of another vault, are not found", async () => {
    await createVault(server, "elsewhere");
    const foreign = await initiateJob(server, "elsewhere", inventory());
    for (const id of [unknownId, foreign, "-", "x"]) {
      assertError(await get(`${vaultPath("vault")}/jobs/${id}`), notFound(`The job ID was not found: ${id}`));
    }
    assertError(await get(`${vaultPath("nowhere")}/jobs/${foreign}`), vaultNotFound("nowhere"));
  });

  test("a job can be described for a day after its completion, and then is not found", async () => {
    const jobId = await finishedJob(server, "vault", retrieval());
    server.clock.advance(dayMilliseconds - 1);
    assert.equal((await get(`${vaultPath("vault")}/jobs/${jobId}`)).status, 200);
    server.clock.advance(2);
    assertError(await get(`${vaultPath("vault")}/jobs/${jobId}`), notFound(`The job ID was not found: ${jobId}`));
    assert.equal((await get(`${vaultPath("vault")}/jobs?statuscode=Succeeded`)).text.includes(jobId), false);
  });
});

describe("profile `aws`", () => {
  let aws: TestServer;
  let small: string;
  before(async () => {
    const delays = { expeditedSeconds: 180, standardSeconds: 4 * 3600, bulkSeconds: 8 * 3600, inventorySeconds: 3600 };
    aws = await startTestServer({ profile: "aws", delays });
    await createVault(aws, "vault");
    small = await uploadArchive(aws, "vault", Buffer.from("hello"));
  });
  after(() => aws.stop());

  test("each tier takes its time, and a job in progress shows it", async () => {
    const request = (Tier: string) => ({ Type: "archive-retrieval", ArchiveId: small, Tier });
    const expedited = await initiateJob(aws, "vault", request("Expedited"));
    const standard = await initiateJob(aws, "vault", request("Standard"));
    const bulk = await initiateJob(aws, "vault", request("Bulk"));
    const running = await describeJob(aws, "vault", bulk);
    assert.deepEqual(
      [running.StatusCode, running.Completed, running.CompletionDate, running.StatusMessage, running.Tier],
      ["InProgress", false, null, "Operation in progress.", "Bulk"],
    );
    assert.equal(running.SHA256TreeHash, treeHashOf(Buffer.from("hello")), "known, so it is shown");
    assertError(
      await getOutput(aws, "vault", bulk),
      invalid(`The job is not currently available for download: ${bulk}`),
    );
    const states = async () =>
      Promise.all([expedited, standard, bulk].map(async (id) => (await describeJob(aws, "vault", id)).StatusCode));
    aws.clock.advance(179_999);
    assert.deepEqual(await states(), ["InProgress", "InProgress", "InProgress"]);
    aws.clock.advance(1);
    await waitForJob(aws, "vault", expedited);
    assert.deepEqual(await states(), ["Succeeded", "InProgress", "InProgress"]);
    aws.clock.advance(4 * hourMilliseconds - 180_000);
    assert.equal((await waitForJob(aws, "vault", standard)).CompletionDate, isoNow(aws));
    assert.deepEqual(await states(), ["Succeeded", "Succeeded", "InProgress"]);
    aws.clock.advance(4 * hourMilliseconds);
    await waitForJob(aws, "vault", bulk);
    assert.equal((await getOutput(aws, "vault", bulk)).text, "hello");
  });
});
