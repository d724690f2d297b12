import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ListMultipartUploadsOutput, ListPartsOutput } from "@moraine/protocol";
import {
  arn,
  assertError,
  completeRequest,
  createVault,
  initiateUpload,
  invalid,
  mebibyte,
  partRequest,
  treeHashOf,
  unknownId,
  vaultNotFound,
  vaultPath,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const get = (path: string) => server.client.send({ method: "GET", path });
const page = async <Page>(path: string, limit: number | string, marker: string | null = ""): Promise<Page> => {
  const answer = await get(`${path}?limit=${limit}&marker=${encodeURIComponent(marker ?? "")}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<Page>();
};

describe("ListParts", () => {
  let uploadId: string;
  let path: string;
  const partNumbers = Array.from({ length: 120 }, (_, index) => index).filter((index) => index % 7 !== 3);
  const bodyOf = (index: number) => Buffer.from(`part ${index}`);
  before(async () => {
    await createVault(server, "parts");
    uploadId = await initiateUpload(server, "parts", mebibyte, "archive description");
    path = `${vaultPath("parts")}/multipart-uploads/${uploadId}`;
  });

  test("an upload without parts lists none", async () => {
    const created = new Date(server.clock.now()).toISOString();
    assert.equal(
      (await get(path)).text,
      `{"ArchiveDescription":"archive description","CreationDate":"${created}","Marker":null,` +
        `"MultipartUploadId":"${uploadId}","PartSizeInBytes":1048576,"Parts":[],"VaultARN":"${arn("parts")}"}`,
    );
  });

  test("parts come in the order of their ranges, whatever the order they were sent in, and pages have no gaps", async () => {
    await Promise.all(
      partNumbers
        .toReversed()
        .map((index) => server.client.send(partRequest("parts", uploadId, index * mebibyte, bodyOf(index)))),
    );
    const expected = partNumbers.map((index) => ({
      RangeInBytes: `${index * mebibyte}-${index * mebibyte + bodyOf(index).length - 1}`,
      SHA256TreeHash: treeHashOf(bodyOf(index)),
    }));
    for (const limit of [1, 17, 50, 51, 1000, ""]) {
      const seen: unknown[] = [];
      let marker: string | null = "";
      while (marker !== null) {
        const { Parts, Marker }: ListPartsOutput = await page(path, limit, marker);
        assert.ok(Parts.length <= Math.min(Number(limit) || 50, 50));
        seen.push(...Parts);
        marker = Marker;
      }
      assert.deepEqual(seen, expected);
    }
  });

  test("without a description the field is null", async () => {
    const bare = await initiateUpload(server, "parts", mebibyte);
    const { ArchiveDescription } = (
      await get(`${vaultPath("parts")}/multipart-uploads/${bare}`)
    ).json<ListPartsOutput>();
    assert.equal(ArchiveDescription, null);
  });

  test("a wrong limit or marker is refused", async () => {
    assertError(await get(`${path}?limit=0`), invalid("Invalid limit: 0"));
    assertError(await get(`${path}?limit=x`), invalid("Invalid limit: x"));
    assertError(await get(`${path}?marker=nonsense`), invalid("Invalid marker: nonsense"));
  });

  test("an unknown upload is not found", async () => {
    const answer = await get(`${vaultPath("parts")}/multipart-uploads/${unknownId}`);
    assertError(answer, {
      status: 404,
      code: "ResourceNotFoundException",
      message: `The upload ID was not found: ${unknownId}`,
    });
  });
});

describe("ListMultipartUploads", () => {
  const path = `${vaultPath("uploads")}/multipart-uploads`;

  test("a vault without uploads lists none", async () => {
    await createVault(server, "uploads");
    assert.equal((await get(path)).text, '{"Marker":null,"UploadsList":[]}');
  });

  test("an upload has five fields", async () => {
    const id = await initiateUpload(server, "uploads", 4 * mebibyte);
    const created = new Date(server.clock.now()).toISOString();
    assert.equal(
      (await get(path)).text,
      `{"Marker":null,"UploadsList":[{"ArchiveDescription":null,"CreationDate":"${created}","MultipartUploadId":"${id}",` +
        `"PartSizeInBytes":4194304,"VaultARN":"${arn("uploads")}"}]}`,
    );
  });

  test("pages have no gaps, though many uploads were started in the same millisecond and some end meanwhile", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 70; index += 1) {
      ids.push(await initiateUpload(server, "uploads", mebibyte, `number ${index}`));
      if (index % 10 === 0) {
        server.clock.advance(1);
      }
    }
    const listed = async (
      limit: number | string,
      between: (seen: string[]) => Promise<void> = async () => undefined,
    ) => {
      const seen: string[] = [];
      let marker: string | null = "";
      while (marker !== null) {
        const { UploadsList, Marker }: ListMultipartUploadsOutput = await page(path, limit, marker);
        assert.ok(UploadsList.length <= Math.min(Number(limit) || 50, 50));
        seen.push(...UploadsList.map((upload) => upload.MultipartUploadId));
        marker = Marker;
        await between(seen);
      }
      return seen;
    };
    const all = await listed(50);
    assert.equal(all.length, 71);
    assert.deepEqual(new Set(ids.filter((id) => all.includes(id))), new Set(ids));
    for (const limit of [1, 9, 1000, ""]) {
      assert.deepEqual(await listed(limit), all);
    }
    const aborted = async (seen: string[]) => {
      await server.client.send({ method: "DELETE", path: `${path}/${seen.at(-1)}` });
    };
    assert.deepEqual(await listed(20, aborted), all);
    assert.equal((await listed(50)).length, 71 - 4);
  });

  test("completed, aborted and idle uploads are not listed", async () => {
    await createVault(server, "ended");
    const ended = `${vaultPath("ended")}/multipart-uploads`;
    const body = Buffer.from("x");
    const [completed = "", aborted = ""] = [
      await initiateUpload(server, "ended", mebibyte),
      await initiateUpload(server, "ended", mebibyte),
      await initiateUpload(server, "ended", mebibyte),
    ];
    await server.client.send(partRequest("ended", completed, 0, body));
    assert.equal((await server.client.send(completeRequest("ended", completed, body))).status, 201);
    await server.client.send({ method: "DELETE", path: `${ended}/${aborted}` });
    assert.equal((await page<ListMultipartUploadsOutput>(ended, "")).UploadsList.length, 1);
    server.clock.advance(dayMilliseconds + 1);
    assert.equal((await page<ListMultipartUploadsOutput>(ended, "")).UploadsList.length, 0);
  });

  test("a wrong limit or marker is refused, and a missing vault is not found", async () => {
    assertError(await get(`${path}?limit=-3`), invalid("Invalid limit: -3"));
    for (const marker of ["nonsense", "a.b.c", "!.x", `${"z".repeat(11)}.x`]) {
      assertError(await get(`${path}?marker=${marker}`), invalid(`Invalid marker: ${marker}`));
    }
    assertError(await get(`${vaultPath("nowhere")}/multipart-uploads?limit=0`), vaultNotFound("nowhere"));
  });
});
