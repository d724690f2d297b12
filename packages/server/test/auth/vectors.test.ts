import { hash } from "node:crypto";
import { test } from "node:test";
import { type Draft, editHeader, emptyHash } from "./signing.ts";
import { assertAccepted, assertRefused, mismatch } from "./verifying.ts";

// The guide's signed examples, as requests that the verifier judges: docs/wire.md#signatures

const create: Draft = {
  method: "PUT",
  path: "/-/vaults/examplevault",
  headers: [
    ["Host", "glacier.us-east-1.amazonaws.com"],
    ["x-amz-Date", "20120525T002453Z"],
    ["x-amz-glacier-version", "2012-06-01"],
    [
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20120525/us-east-1/glacier/aws4_request," +
        "SignedHeaders=host;x-amz-date;x-amz-glacier-version," +
        "Signature=3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a",
    ],
  ],
};
const createdAt = { systemNow: () => new Date("2012-05-25T00:24:53Z") };

const contentHash = "726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628";
const upload: Draft = {
  method: "POST",
  path: "/-/vaults/examplevault",
  headers: [
    ["Host", "glacier.us-east-1.amazonaws.com"],
    ["x-amz-content-sha256", contentHash],
    ["x-amz-date", "20120507T000000Z"],
    ["x-amz-glacier-version", "2012-06-01"],
    [
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20120507/us-east-1/glacier/aws4_request," +
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-glacier-version," +
        "Signature=e8ba379a747bc294584102fd2430f7a563696740882e149c87b15754e7c10a89",
    ],
  ],
};
const uploadedAt = { systemNow: () => new Date("2012-05-07T00:00:00Z"), payloadHash: contentHash };

test("the guide's signed CreateVault is accepted", () =>
  assertAccepted(create, { ...createdAt, payloadHash: emptyHash }));

test("the guide's signed upload, recomputed, is accepted", () => assertAccepted(upload, uploadedAt));

test("the guide's examples are refused once anything that they sign is changed", async () => {
  await assertRefused({ ...create, method: "DELETE" }, mismatch, createdAt);
  await assertRefused({ ...create, path: "/-/vaults/examplevaulu" }, mismatch, createdAt);
  await assertRefused({ ...create, query: "limit=1" }, mismatch, createdAt);
  await assertRefused(
    editHeader(create, "host", (host) => `${host}.example`),
    mismatch,
    createdAt,
  );
  await assertRefused(
    editHeader(create, "x-amz-glacier-version", () => "2012-06-02"),
    mismatch,
    createdAt,
  );
  await assertRefused(create, mismatch, { ...createdAt, payloadHash: hash("sha256", "x") });
  await assertRefused(upload, mismatch, { ...uploadedAt, payloadHash: emptyHash });
});
