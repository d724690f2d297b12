import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DescribeVaultOutput, ListVaultsOutput } from "@moraine/protocol";
import {
  arn,
  assertCreated,
  assertError,
  contentHeaders,
  createVault,
  deleteArchive,
  eventually,
  finishedJob,
  initiateUpload,
  invalid,
  partRequest,
  uploadArchive,
  vaultNotFound,
  vaultPath,
} from "../support/glacier.ts";
import { accountId, dayMilliseconds, startTestServer, startTime, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const send = (method: string, path: string, on = server) => on.client.send({ method, path });
const describeVault = async (vault: string, on = server) => {
  const answer = await send("GET", vaultPath(vault), on);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<DescribeVaultOutput>();
};
const overhead = 32_768;

describe("CreateVault", () => {
  test("answers 201 with the vault's path under the real account and an empty object", async () => {
    for (const account of ["-", accountId]) {
      const answer = await send("PUT", `/${account}/vaults/created`);
      assertCreated(answer);
      assert.equal(answer.headers.location, `/${accountId}/vaults/created`);
    }
  });

  test("creating a vault again changes nothing", async () => {
    await createVault(server, "twice");
    const before = await describeVault("twice");
    server.clock.advance(1000);
    await createVault(server, "twice");
    assert.deepEqual(await describeVault("twice"), before);
  });

  test("a body is ignored", async () => {
    const answer = await server.client.send({ method: "PUT", path: vaultPath("bodied"), body: "not { json" });
    assert.equal(answer.status, 201);
  });

  test("names may have 255 characters of the alphabet, and differ by case", async () => {
    for (const name of ["a".repeat(255), "-", "_", "...", "Case", "case", "0.9_Z-"]) {
      assert.equal((await send("PUT", vaultPath(name))).status, 201, name);
      assert.equal((await describeVault(name)).VaultName, name);
    }
  });

  test("an impossible name is refused with the name", async () => {
    for (const name of ["testz:z", "a b", "ä", "x".repeat(256), "a/b"]) {
      const answer = await send("PUT", vaultPath(encodeURIComponent(name)));
      assertError(answer, invalid(`Invalid vault name: ${name}`));
    }
  });

  test("the thousand and first vault is too many, but an existing one is not", async () => {
    const full = await startTestServer();
    for (let index = 0; index < 1000; index += 1) {
      const key = { accountId, region: "us-east-1", vaultName: `v${index}` };
      await full.parts.metadata.createVault({ id: `id${index}`, key, now: startTime });
    }
    assertError(await send("PUT", vaultPath("v1000"), full), {
      status: 400,
      code: "LimitExceededException",
      message: "Vault limit exceeded: 1000",
    });
    assert.equal((await send("PUT", vaultPath("v7"), full)).status, 201);
    assert.equal((await send("DELETE", vaultPath("v7"), full)).status, 204);
    assert.equal((await send("PUT", vaultPath("v1000"), full)).status, 201);
    await full.stop();
  });
});

describe("the account in the path", () => {
  test("another account is denied before anything is looked up, in the words of who could allow it", async () => {
    const denied = (message: string) => ({ status: 403, code: "AccessDeniedException", message });
    const ofAccount = denied("Access denied for account ID: 999999999999");
    assertError(await send("PUT", "/999999999999/vaults/nowhere"), ofAccount);
    assertError(await send("GET", "/999999999999/vaults?limit=0"), ofAccount);
    assertError(
      await send("GET", "/999999999999/vaults/nowhere"),
      denied(
        "User: arn:aws:iam::012345678901:root is not authorized to perform: glacier:DescribeVault on resource: " +
          "arn:aws:glacier:us-east-1:999999999999:vaults/nowhere because no resource-based policy allows the glacier:DescribeVault action",
      ),
    );
  });

  for (const account of ["12345", "0123-4567-8901", "--", "me"]) {
    test(`${account} is denied before anything is looked up`, async () => {
      const denied = {
        status: 403,
        code: "AccessDeniedException",
        message: `Access denied for account ID: ${account}`,
      };
      assertError(await send("GET", `/${account}/vaults/nowhere`), denied);
      assertError(await send("PUT", `/${account}/vaults/nowhere`), denied);
      assertError(await send("GET", `/${account}/vaults?limit=0`), denied);
    });
  }

  test("a path without one is no request of this API", async () => {
    for (const path of ["/vaults/x", "//vaults/x", "/-/vaults/", "/", "/-", "/-/nothing", "/-/vaults/x/nothing"]) {
      assertError(await send("GET", path), { status: 400, code: "BadRequest", message: /^No operation has/ });
    }
  });
});

describe("DescribeVault", () => {
  test("answers six fields, compact and in alphabetical order", async () => {
    await createVault(server, "described");
    const answer = await send("GET", vaultPath("described"));
    const created = new Date(server.clock.now()).toISOString();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "application/json");
    assert.equal(answer.headers["x-moraine-inventories"], "current");
    assert.equal(
      answer.text,
      `{"CreationDate":"${created}","LastInventoryDate":null,"NumberOfArchives":0,"SizeInBytes":0,` +
        `"VaultARN":"arn:aws:glacier:us-east-1:012345678901:vaults/described","VaultName":"described"}`,
    );
  });

  test("a vault that does not exist is not found, under the name as it was sent", async () => {
    assertError(await send("GET", vaultPath("nowhere")), vaultNotFound("nowhere"));
    assertError(await send("GET", vaultPath("testz:z")), vaultNotFound("testz:z"));
    assertError(await send("GET", vaultPath("a%20b")), vaultNotFound("a b"));
    assertError(await send("GET", vaultPath("Described")), vaultNotFound("Described"));
  });

  test("in `practical` the counters are current, with 32 KiB for each archive, and an inventory sets its date", async () => {
    await createVault(server, "counted");
    const archiveId = await uploadArchive(server, "counted", Buffer.from("hello"));
    await uploadArchive(server, "counted", Buffer.from("hello world"));
    const two = await describeVault("counted");
    assert.deepEqual([two.NumberOfArchives, two.SizeInBytes], [2, 16 + 2 * overhead]);
    assert.equal(two.LastInventoryDate, null);
    await deleteArchive(server, "counted", archiveId);
    const one = await describeVault("counted");
    assert.deepEqual([one.NumberOfArchives, one.SizeInBytes], [1, 11 + overhead]);
    server.clock.advance(5000);
    await finishedJob(server, "counted", { Type: "inventory-retrieval" });
    const inventoried = await describeVault("counted");
    const date = new Date(server.clock.now()).toISOString();
    assert.deepEqual(inventoried, { ...one, LastInventoryDate: date });
    server.clock.advance(5000);
    await finishedJob(server, "counted", { Type: "inventory-retrieval" });
    assert.equal((await describeVault("counted")).LastInventoryDate, date, "nothing changed, so the date stays");
  });
});

describe("ListVaults", () => {
  let listing: TestServer;
  const names = ["0", "10", "2", "A", "B-1", "Z", "_", "a", "a.b", "a_b", "ab", "b", "z", "zz"];
  before(async () => {
    listing = await startTestServer();
  });
  after(() => listing.stop());
  const list = async (query: string) => {
    const answer = await send("GET", `/-/vaults${query}`, listing);
    assert.equal(answer.status, 200, answer.text);
    return answer.json<ListVaultsOutput>();
  };

  test("an account without vaults has an empty list", async () => {
    assert.equal((await send("GET", "/-/vaults", listing)).text, '{"Marker":null,"VaultList":[]}');
  });

  test("vaults come in bytewise order of their names, ten at most, and pages have no gaps", async () => {
    for (const name of names.toReversed()) {
      await createVault(listing, name);
    }
    const first = await list("");
    assert.deepEqual(
      first.VaultList.map((vault) => vault.VaultName),
      names.slice(0, 10),
    );
    assert.equal(first.Marker, arn(names[9] ?? ""));
    for (const limit of [1, 3, 7, 10, 11, 1000]) {
      const seen: string[] = [];
      let marker: string | null = "";
      while (marker !== null) {
        const page: ListVaultsOutput = await list(`?limit=${limit}&marker=${encodeURIComponent(marker)}`);
        assert.ok(page.VaultList.length <= Math.min(limit, 10));
        seen.push(...page.VaultList.map((vault) => vault.VaultName));
        marker = page.Marker;
      }
      assert.deepEqual(seen, names);
    }
  });

  test("each item is what DescribeVault says", async () => {
    const { VaultList } = await list("?limit=1");
    assert.deepEqual(VaultList, [await describeVault("0", listing)]);
  });

  test("a page that ends with the last vault has no marker", async () => {
    assert.equal((await list(`?limit=4&marker=${encodeURIComponent(arn("ab").replace(/ab$/, "a_b"))}`)).Marker, null);
  });

  test("a marker need not name a vault that exists, and is left out of the page", async () => {
    const page = await list(`?marker=${encodeURIComponent(arn("a0"))}`);
    assert.deepEqual(
      page.VaultList.map((vault) => vault.VaultName),
      ["a_b", "ab", "b", "z", "zz"],
    );
  });

  test("empty values count as none, a limit above the maximum is lowered, and unknown parameters are ignored", async () => {
    for (const query of ["?limit=&marker=", "?limit=11", "?limit=99999999999999999999", "?colour=blue"]) {
      assert.equal((await list(query)).VaultList.length, 10, query);
    }
  });

  test("a wrong limit and a wrong marker are named", async () => {
    for (const limit of ["0", "-1", "ten", "1.5", "0x1"]) {
      assertError(await send("GET", `/-/vaults?limit=${limit}`, listing), invalid(`Invalid limit: ${limit}`));
    }
    for (const marker of ["somewhere", "arn:aws:s3:::bucket", "arn:aws:glacier:us-east-1:012345678901:jobs/x"]) {
      const answer = await send("GET", `/-/vaults?marker=${encodeURIComponent(marker)}`, listing);
      assertError(answer, invalid(`Invalid marker: ${marker}`));
    }
  });
});

describe("DeleteVault", () => {
  const remove = (vault: string, on = server) => send("DELETE", vaultPath(vault), on);
  const refused = (vault: string) => invalid(`Vault not empty or recently written to: ${arn(vault)}`);

  test("an unused vault goes at once, and so does one that never was", async () => {
    await createVault(server, "unused");
    for (let time = 0; time < 2; time += 1) {
      const answer = await remove("unused");
      assert.equal(answer.status, 204);
      assert.equal(answer.headers["content-length"], undefined);
      assert.equal(answer.text, "");
    }
    assertError(await send("GET", vaultPath("unused")), vaultNotFound("unused"));
    assert.equal((await remove("testz:z")).status, 204);
  });

  test("in `practical` it is refused while an archive is there, and not a moment longer", async () => {
    await createVault(server, "filled");
    const archiveId = await uploadArchive(server, "filled", Buffer.from("x"));
    assertError(await remove("filled"), refused("filled"));
    await deleteArchive(server, "filled", archiveId);
    assert.equal((await remove("filled")).status, 204);
  });

  test("open uploads and jobs go with their vault, and a vault of the same name begins again", async () => {
    await createVault(server, "reborn");
    const first = await describeVault("reborn");
    const uploadId = await initiateUpload(server, "reborn", 1024 ** 2);
    const jobId = await finishedJob(server, "reborn", { Type: "inventory-retrieval" });
    assert.equal((await remove("reborn")).status, 204);
    const part = partRequest("reborn", uploadId, 0, Buffer.from("part"));
    assertError(await server.client.send(part), vaultNotFound("reborn"));
    server.clock.advance(1);
    await createVault(server, "reborn");
    const second = await describeVault("reborn");
    assert.notEqual(second.CreationDate, first.CreationDate);
    assert.equal(second.LastInventoryDate, null);
    assert.equal((await server.client.send(part)).status, 404);
    assert.equal((await send("GET", `${vaultPath("reborn")}/jobs/${jobId}`)).status, 404);
    assert.equal((await send("GET", `${vaultPath("reborn")}/jobs/${jobId}/output`)).status, 404);
  });
});

describe("profile `aws`", () => {
  let aws: TestServer;
  before(async () => {
    aws = await startTestServer({ profile: "aws" });
  });
  after(() => aws.stop());
  const remove = (vault: string) => send("DELETE", vaultPath(vault), aws);
  const refused = (vault: string) => invalid(`Vault not empty or recently written to: ${arn(vault)}`);
  const inventoryAfter = async (vault: string, last: string | null) => {
    aws.clock.advance(dayMilliseconds + 1);
    await eventually(
      "the inventory is taken",
      async () => (await describeVault(vault, aws)).LastInventoryDate !== last,
    );
    return describeVault(vault, aws);
  };

  test("counters are those of the last inventory, and DeleteVault waits for one after the last write", async () => {
    await createVault(aws, "lagging");
    const body = Buffer.from("hello");
    const archiveId = await uploadArchive(aws, "lagging", body);
    const fresh = await describeVault("lagging", aws);
    assert.deepEqual([fresh.NumberOfArchives, fresh.SizeInBytes, fresh.LastInventoryDate], [0, 0, null]);
    const seen = await inventoryAfter("lagging", null);
    assert.deepEqual([seen.NumberOfArchives, seen.SizeInBytes], [1, 5 + overhead]);
    assert.equal(seen.LastInventoryDate, new Date(aws.clock.now()).toISOString());
    assertError(await remove("lagging"), refused("lagging"));
    await deleteArchive(aws, "lagging", archiveId);
    assert.deepEqual(await describeVault("lagging", aws), seen);
    assertError(await remove("lagging"), refused("lagging"));
    const empty = await inventoryAfter("lagging", seen.LastInventoryDate);
    assert.deepEqual([empty.NumberOfArchives, empty.SizeInBytes], [0, 0]);
    assert.equal((await remove("lagging")).status, 204);
  });

  test("a vault that was never written to goes at once, even with an upload started", async () => {
    await createVault(aws, "untouched");
    const uploadId = await initiateUpload(aws, "untouched", 1024 ** 2);
    const part = Buffer.from("part");
    assert.equal((await aws.client.send(partRequest("untouched", uploadId, 0, part))).status, 204);
    assert.equal((await remove("untouched")).status, 204);
  });

  test("an emptied vault without any inventory is refused as recently written to", async () => {
    await createVault(aws, "emptied");
    await deleteArchive(aws, "emptied", await uploadArchive(aws, "emptied", Buffer.from("x")));
    assertError(await remove("emptied"), refused("emptied"));
  });

  test("a day without changes leaves the date of the inventory", async () => {
    await createVault(aws, "quiet");
    await uploadArchive(aws, "quiet", Buffer.from("x"));
    const seen = await inventoryAfter("quiet", null);
    await createVault(aws, "busy");
    await uploadArchive(aws, "busy", Buffer.from("x"));
    await inventoryAfter("busy", null);
    assert.deepEqual(await describeVault("quiet", aws), seen);
  });
});

describe("the order of checks", () => {
  const wrong = { method: "POST", path: `${vaultPath("nowhere")}/archives`, headers: contentHeaders(Buffer.from("x")) };

  test("version, account, vault, then what the operation asks for", async () => {
    const headers = { ...wrong.headers, "x-amz-glacier-version": undefined };
    const foreign = "/999999999999/vaults/nowhere/archives";
    assertError(await server.client.send({ ...wrong, headers, path: foreign }), {
      status: 400,
      code: "MissingParameterValueException",
      message: "Required parameter missing: API version",
    });
    assertError(await server.client.send({ ...wrong, path: foreign }), {
      status: 403,
      code: "AccessDeniedException",
      message: /^User: .* is not authorized to perform: glacier:UploadArchive on resource: /,
    });
    assertError(await server.client.send(wrong), vaultNotFound("nowhere"));
    assertError(await send("GET", `${vaultPath("nowhere")}/jobs?limit=0`), vaultNotFound("nowhere"));
    assertError(await send("GET", `${vaultPath("nowhere")}/jobs?statuscode=finished`), vaultNotFound("nowhere"));
  });
});
