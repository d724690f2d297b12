import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { idLengths } from "@moraine/protocol";
import {
  arn,
  assertError,
  assertSameBytes,
  createVault,
  deleteArchive,
  describeJob,
  eventually,
  finishedJob,
  getOutput,
  initiateJob,
  jobRequest,
  mebibyte,
  notFound,
  randomContent,
  treeHashOf,
  uploadArchive,
  uploadInParts,
  vaultPath,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

interface Listed {
  readonly id: string;
  readonly description: string;
  readonly created: string;
  readonly body: Uint8Array;
}

const secondsNow = (on = server) => `${new Date(on.clock.now()).toISOString().slice(0, 19)}Z`;
const request = (more: Readonly<Record<string, unknown>> = {}) => ({ Type: "inventory-retrieval", ...more });
const inventoryOf = async (vault: string, more: Readonly<Record<string, unknown>> = {}, on = server) =>
  getOutput(on, vault, await finishedJob(on, vault, request(more)));
const selection = (parameters: Readonly<Record<string, unknown>>) => ({ InventoryRetrievalParameters: parameters });
const idsIn = (text: string) =>
  (JSON.parse(text) as { ArchiveList: Array<{ ArchiveId: string }> }).ArchiveList.map((item) => item.ArchiveId);

/** The document by the rules of docs/wire.md#inventories, with no code of ours. */
const jsonOf = (vault: string, date: string, archives: readonly Listed[]) =>
  `{"VaultARN":"${arn(vault)}","InventoryDate":"${date}","ArchiveList":[${archives
    .map(
      ({ id, description, created, body }) =>
        `{"ArchiveId":"${id}","ArchiveDescription":${JSON.stringify(description)},"CreationDate":"${created}",` +
        `"Size":${body.length},"SHA256TreeHash":"${treeHashOf(body)}"}`,
    )
    .join(",")}]}`;

/** Three archives a second apart, in the order of their creation. */
async function fill(vault: string, descriptions: readonly string[]): Promise<Listed[]> {
  await createVault(server, vault);
  const archives: Listed[] = [];
  for (const description of descriptions) {
    server.clock.advance(1000);
    const body = randomContent(100 + archives.length);
    const id = await uploadArchive(server, vault, body, description);
    archives.push({ id, description, created: secondsNow(), body });
  }
  return archives;
}

describe("the JSON document", () => {
  test("is the documented one, byte for byte", async () => {
    const archives = await fill("json", ["", "plain", 'quote " backslash \\ comma ,']);
    server.clock.advance(3456);
    const answer = await inventoryOf("json");
    assert.equal(answer.status, 200);
    assert.equal(answer.text, jsonOf("json", secondsNow(), archives));
  });

  test("comes as plain application/json, with a length and without a checksum or a description", async () => {
    const answer = await inventoryOf("json");
    assert.equal(answer.headers["content-type"], "application/json");
    assert.equal(answer.headers["content-length"], String(answer.body.length));
    assert.equal(answer.headers["accept-ranges"], "bytes");
    for (const header of [
      "x-amz-sha256-tree-hash",
      "x-amz-archive-description",
      "content-range",
      "transfer-encoding",
    ]) {
      assert.equal(answer.headers[header], undefined, header);
    }
  });

  test("has an empty list for a vault that never held an archive", async () => {
    await createVault(server, "empty");
    assert.equal((await inventoryOf("empty")).text, jsonOf("empty", secondsNow(), []));
  });

  test("lists an archive of parts with its whole size and hash", async () => {
    await createVault(server, "parts");
    const body = randomContent(2 * mebibyte + 1);
    const id = await uploadInParts(server, "parts", body, mebibyte, "of parts");
    const listed = { id, description: "of parts", created: secondsNow(), body };
    assert.equal((await inventoryOf("parts")).text, jsonOf("parts", secondsNow(), [listed]));
  });
});

describe("the CSV document", () => {
  test("is the documented one, byte for byte", async () => {
    const fields = [
      ["", ""],
      ["my archive description", "my archive description"],
      ["my archive description,1", '"my archive description,1"'],
      ['my archive description,1"2', '"my archive description,1\\"2"'],
      ['my archive description,1\\"2', '"my archive description,1\\\\"2"'],
      ["back\\slash", '"back\\slash"'],
      ["two  spaces", "two  spaces"],
    ] as const;
    const archives = await fill(
      "csv",
      fields.map(([description]) => description),
    );
    const answer = await inventoryOf("csv", { Format: "CSV" });
    const lines = archives.map(
      ({ id, created, body }, index) => `${id},${fields[index]?.[1]},${created},${body.length},${treeHashOf(body)}\n`,
    );
    assert.equal(answer.text, `ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n${lines.join("")}`);
    assert.equal(answer.headers["content-type"], "text/csv");
  });

  test("is the header line alone for an empty vault", async () => {
    const answer = await inventoryOf("empty", { Format: "CSV" });
    assert.equal(answer.text, "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n");
  });
});

describe("ranges of a document", () => {
  for (const [Format, type] of [
    ["JSON", "application/json"],
    ["CSV", "text/csv"],
  ] as const) {
    test(`${Format}: 206, the bytes of the range, and never a checksum`, async () => {
      const jobId = await finishedJob(server, "json", request({ Format }));
      const whole = (await getOutput(server, "json", jobId)).body;
      const last = whole.length - 1;
      for (const [range, a, b] of [
        ["bytes=0-0", 0, 0],
        ["bytes=7-99", 7, 99],
        [`bytes=0-${last}`, 0, last],
        ["bytes=10-99999999", 10, last],
        ["bytes=0-1048575", 0, last],
        ["bytes=50-", 50, last],
        ["bytes=-5", last - 4, last],
      ] as const) {
        const answer = await getOutput(server, "json", jobId, range);
        assert.equal(answer.status, 206);
        assert.equal(answer.headers["content-range"], `bytes ${a}-${b}/${whole.length}`);
        assert.equal(answer.headers["content-type"], type);
        assert.equal(answer.headers["x-amz-sha256-tree-hash"], undefined);
        assertSameBytes(answer.body, whole.subarray(a, b + 1));
      }
      const beyond = `bytes=${whole.length}-`;
      const text = `The start of the range is larger than size of retrieved data: ${beyond}`;
      assertError(await getOutput(server, "json", jobId, beyond), {
        status: 400,
        code: "InvalidParameterValueException",
        message: text,
      });
      assert.equal((await getOutput(server, "json", jobId, "bytes 0-4")).status, 200);
    });
  }
});

describe("in profile `practical`", () => {
  test("an inventory shows every upload and deletion that was answered before the call", async () => {
    const [first, second] = await fill("fresh", ["first", "second"]);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(idsIn((await inventoryOf("fresh")).text), [first.id, second.id]);
    await deleteArchive(server, "fresh", first.id);
    server.clock.advance(1);
    const third = await uploadArchive(server, "fresh", Buffer.from("third"));
    assert.deepEqual(idsIn((await inventoryOf("fresh")).text), [second.id, third]);
  });

  test("a document stays as it was written, whatever happens in the vault", async () => {
    const [first] = await fill("stable", ["first"]);
    const jobId = await finishedJob(server, "stable", request());
    const before = await getOutput(server, "stable", jobId);
    await deleteArchive(server, "stable", first?.id ?? "");
    await uploadArchive(server, "stable", Buffer.from("another"));
    assertSameBytes((await getOutput(server, "stable", jobId)).body, before.body);
  });

  test("without changes the date of the inventory stays", async () => {
    await fill("still", ["only"]);
    const first = await inventoryOf("still");
    server.clock.advance(60_000);
    assert.equal((await inventoryOf("still")).text, first.text);
  });
});

describe("a selection", () => {
  let archives: Listed[];
  before(async () => {
    archives = await fill("selected", ["a", "b", "c", "d", "e"]);
  });
  const chosen = async (parameters: Readonly<Record<string, unknown>>) =>
    idsIn((await inventoryOf("selected", selection(parameters))).text);
  const ids = (first: number, end: number) => archives.slice(first, end).map(({ id }) => id);

  test("by dates takes what was created from StartDate on, and before EndDate", async () => {
    // The archives were created 89 ms after the full second.
    const [, b, , d] = archives.map(({ created }) => created);
    assert.deepEqual(await chosen({ StartDate: b }), ids(1, 5));
    assert.deepEqual(await chosen({ EndDate: d }), ids(0, 3));
    assert.deepEqual(await chosen({ StartDate: b, EndDate: d }), ids(1, 3));
    const exact = b?.replace("Z", ".089Z");
    assert.deepEqual(await chosen({ StartDate: exact }), ids(1, 5), "StartDate itself is in");
    assert.deepEqual(await chosen({ EndDate: exact }), ids(0, 1), "EndDate itself is out");
    const zoned = new Date(Date.parse(b ?? "") + 2 * 3_600_000).toISOString().replace(".000Z", "+02:00");
    assert.deepEqual(await chosen({ StartDate: zoned }), ids(1, 5));
    assert.deepEqual(await chosen({ StartDate: "2099-01-01T00:00:00Z" }), []);
  });

  test("by a limit continues from its marker until there is none, without gaps", async () => {
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const seen: string[] = [];
      let marker: string | null = null;
      do {
        const asked: Readonly<Record<string, unknown>> = selection({ Limit: String(limit), Marker: marker });
        const jobId = await finishedJob(server, "selected", request(asked));
        const page = idsIn((await getOutput(server, "selected", jobId)).text);
        assert.ok(page.length > 0 && page.length <= limit);
        seen.push(...page);
        const { InventoryRetrievalParameters } = await describeJob(server, "selected", jobId);
        marker = InventoryRetrievalParameters?.Marker ?? null;
        assert.ok(marker === null || marker.length === idLengths.inventoryMarker);
      } while (marker !== null);
      assert.deepEqual(seen, ids(0, 5), `limit ${limit}`);
    }
  });

  test("a marker outlives the archive it was made from, and keeps to the dates", async () => {
    const doomed = await fill("doomed", ["a", "b", "c", "d"]);
    const jobId = await finishedJob(server, "doomed", request(selection({ Limit: "2" })));
    const Marker = (await describeJob(server, "doomed", jobId)).InventoryRetrievalParameters?.Marker;
    await deleteArchive(server, "doomed", doomed[1]?.id ?? "");
    const rest = async (more: object) => idsIn((await inventoryOf("doomed", selection({ Marker, ...more }))).text);
    assert.deepEqual(await rest({}), [doomed[2]?.id, doomed[3]?.id]);
    assert.deepEqual(await rest({ EndDate: doomed[3]?.created }), [doomed[2]?.id]);
  });

  test("pages are gapless among archives of the same millisecond", async () => {
    await createVault(server, "crowd");
    const uploads = Array.from({ length: 23 }, (_, index) => uploadArchive(server, "crowd", Buffer.from(`${index}`)));
    const expected = (await Promise.all(uploads)).toSorted();
    const seen: string[] = [];
    let marker: string | null = null;
    do {
      const asked: Readonly<Record<string, unknown>> = selection({ Limit: 5, Marker: marker });
      const jobId = await finishedJob(server, "crowd", request(asked));
      seen.push(...idsIn((await getOutput(server, "crowd", jobId)).text));
      marker = (await describeJob(server, "crowd", jobId)).InventoryRetrievalParameters?.Marker ?? null;
    } while (marker !== null);
    assert.deepEqual(seen, expected);
  });

  test("is echoed as it was given", async () => {
    const given = { StartDate: "2013-03-20T17:03:43Z", EndDate: "2099-03-20T17:03:43.5Z", Limit: "007" };
    const jobId = await finishedJob(server, "selected", request(selection(given)));
    const { InventoryRetrievalParameters } = await describeJob(server, "selected", jobId);
    assert.deepEqual(InventoryRetrievalParameters, { ...given, Format: "JSON", Marker: null });
  });
});

describe("in profile `aws`", () => {
  let aws: TestServer;
  before(async () => {
    aws = await startTestServer({ profile: "aws", delays: { inventorySeconds: 3600 } });
    await createVault(aws, "vault");
  });
  after(() => aws.stop());
  const inventoryDate = async () => {
    const answer = await aws.client.send({ method: "GET", path: vaultPath("vault") });
    return answer.json<{ LastInventoryDate: string | null }>().LastInventoryDate;
  };
  const nextInventory = async () => {
    const last = await inventoryDate();
    aws.clock.advance(dayMilliseconds + 1);
    await eventually("the inventory is taken", async () => (await inventoryDate()) !== last);
  };
  const document = async () => {
    const jobId = await initiateJob(aws, "vault", request());
    const running = await describeJob(aws, "vault", jobId);
    assert.deepEqual([running.StatusCode, running.InventorySizeInBytes], ["InProgress", null]);
    aws.clock.advance(3_600_000);
    await eventually("the job is done", async () => (await describeJob(aws, "vault", jobId)).Completed);
    return (await getOutput(aws, "vault", jobId)).text;
  };

  test("a vault without an inventory has none to retrieve, but a wrong request is reported first", async () => {
    await uploadArchive(aws, "vault", Buffer.from("x"));
    const none = notFound(`No inventory is available yet for vault: ${arn("vault")}`);
    assertError(await aws.client.send(jobRequest("vault", request())), none);
    const wrong = jobRequest("vault", request({ Format: "XML" }));
    assert.equal((await aws.client.send(wrong)).status, 400);
  });

  test("a job returns the last inventory, not what the vault holds now", async () => {
    await nextInventory();
    const taken = secondsNow(aws);
    const first = await document();
    assert.equal(idsIn(first).length, 1);
    assert.ok(first.includes(`"InventoryDate":"${taken}"`));
    const second = await uploadArchive(aws, "vault", Buffer.from("second"));
    await deleteArchive(aws, "vault", idsIn(first)[0] ?? "");
    assert.equal(await document(), first);
    await nextInventory();
    assert.deepEqual(idsIn(await document()), [second]);
  });

  test("the marker is the one that was asked for while the job runs", async () => {
    const third = await uploadArchive(aws, "vault", Buffer.from("third"));
    await nextInventory();
    const first = await initiateJob(aws, "vault", request(selection({ Limit: "1" })));
    aws.clock.advance(3_600_000);
    await eventually("the job is done", async () => (await describeJob(aws, "vault", first)).Completed);
    const Marker = (await describeJob(aws, "vault", first)).InventoryRetrievalParameters?.Marker;
    assert.equal(typeof Marker, "string");
    const next = await initiateJob(aws, "vault", request(selection({ Marker })));
    assert.equal((await describeJob(aws, "vault", next)).InventoryRetrievalParameters?.Marker, Marker);
    aws.clock.advance(3_600_000);
    await eventually("the job is done", async () => (await describeJob(aws, "vault", next)).Completed);
    assert.equal((await describeJob(aws, "vault", next)).InventoryRetrievalParameters?.Marker, null);
    assert.deepEqual(idsIn((await getOutput(aws, "vault", next)).text), [third]);
  });
});
