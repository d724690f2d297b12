import { contentOf, treeHashOf } from "../content.ts";
import type { GlacierHttp } from "../glacier-http.ts";
import { accountId, region } from "../server-process.ts";

// A folder with some of everything.

const mebibyte = 1024 ** 2;
export const arn = (vault: string): string => `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`;

const lockPolicy = {
  Version: "2012-10-17",
  Statement: [
    { Sid: "keep", Effect: "Deny", Principal: "*", Action: "glacier:DeleteArchive", Resource: arn("locked") },
  ],
};

/** Ids of the things that `fill` has made: two archives are single, one has parts, and one was deleted. */
export const ids = { single: "", parts: "", other: "", deleted: "", upload: "", job: "" };

interface StoredArchive {
  readonly vault: string;
  readonly id: string;
  readonly bytes: Buffer;
}

const single = contentOf(1, 2 * mebibyte + 5);
const parts = [contentOf(2, mebibyte), contentOf(3, mebibyte), contentOf(4, 7)];
const other = contentOf(5, 100);

/** The archives that `fill` has made and that can be read. */
export const storedArchives = (): StoredArchive[] => [
  { vault: "photos", id: ids.single, bytes: single },
  { vault: "photos", id: ids.parts, bytes: Buffer.concat(parts) },
  { vault: "other", id: ids.other, bytes: other },
];

export async function fill(http: GlacierHttp): Promise<void> {
  for (const vault of ["photos", "other", "locked"]) {
    await http.createVault(vault);
  }
  ids.single = await http.uploadArchive("photos", single, "single");
  ids.parts = await uploadParts(http);
  ids.other = await http.uploadArchive("other", other, "other");
  ids.deleted = await http.uploadArchive("photos", contentOf(6, 100), "deleted");
  await http.deleteArchive("photos", ids.deleted);
  ids.upload = await initiate(http);
  await putPart(http, ids.upload, 0, contentOf(7, mebibyte));
  // The first of the two loses its place to the second, and its bytes stay a day.
  await putPart(http, ids.upload, mebibyte, contentOf(8, mebibyte));
  await putPart(http, ids.upload, mebibyte, contentOf(9, mebibyte));
  ids.job = await http.initiateJob("photos", { Type: "inventory-retrieval" });
  await http.jobSucceeded("photos", ids.job);
  const body = Buffer.from(JSON.stringify({ Policy: JSON.stringify(lockPolicy) }));
  const lock = await http.demand({ method: "POST", path: "/-/vaults/locked/lock-policy", body });
  await http.demand({ method: "POST", path: `/-/vaults/locked/lock-policy/${lock.headers["x-amz-lock-id"]}` });
}

export async function initiate(http: GlacierHttp): Promise<string> {
  const headers = { "x-amz-part-size": String(mebibyte), "x-amz-archive-description": "in parts" };
  const answer = await http.demand({ method: "POST", path: "/-/vaults/photos/multipart-uploads", headers });
  return String(answer.headers["x-amz-multipart-upload-id"]);
}

export async function putPart(http: GlacierHttp, upload: string, firstByte: number, body: Buffer): Promise<void> {
  const range = `bytes ${firstByte}-${firstByte + body.length - 1}/*`;
  const headers = { "content-range": range, "x-amz-sha256-tree-hash": treeHashOf(body) };
  await http.demand({ method: "PUT", path: `/-/vaults/photos/multipart-uploads/${upload}`, headers, body });
}

async function uploadParts(http: GlacierHttp): Promise<string> {
  const upload = await initiate(http);
  for (const [index, part] of parts.entries()) {
    await putPart(http, upload, index * mebibyte, part);
  }
  return complete(http, upload, Buffer.concat(parts));
}

export async function complete(http: GlacierHttp, upload: string, content: Buffer): Promise<string> {
  const headers = { "x-amz-archive-size": String(content.length), "x-amz-sha256-tree-hash": treeHashOf(content) };
  const path = `/-/vaults/photos/multipart-uploads/${upload}`;
  return String((await http.demand({ method: "POST", path, headers })).headers["x-amz-archive-id"]);
}
