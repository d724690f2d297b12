import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { connectRaw, type RawAnswer, type RawConnection } from "../http/raw-socket.ts";
import { contentHeaders, createVault } from "../support/glacier.ts";
import { region, startTestServer, type TestServer } from "../support/server.ts";
import { wireText } from "./drafting.ts";
import { amzDateAt, type Draft, emptyHash, type Signing, signInHeader, signInQuery, withHeader } from "./signing.ts";

// Requests as signers other than today's SDKs form them, over the wire.

let server: TestServer;
let lenient: TestServer;
before(async () => {
  server = await startTestServer();
  lenient = await startTestServer({ unsignedHeaders: "allow" });
  await createVault(server, "photos");
  await createVault(lenient, "photos");
});
after(async () => {
  await server.stop();
  await lenient.stop();
});

const version = ["x-amz-glacier-version", "2012-06-01"] as const;
const hello = "hello world";

/** Headers in addition to the host. */
function draft(on: TestServer, method: string, path: string, headers: Draft["headers"], query = ""): Draft {
  return { method, path, query, headers: [["Host", `127.0.0.1:${on.port}`], ...headers] };
}

const signing = (on: TestServer, more: Signing = {}): Signing => ({
  secretAccessKey: on.key.secretAccessKey,
  scope: { accessKeyId: on.key.accessKeyId, region },
  amzDate: amzDateAt(Date.now()),
  ...more,
});

async function send(on: TestServer, request: Draft, body = ""): Promise<RawAnswer> {
  const connection: RawConnection = await connectRaw(on.port);
  try {
    return await connection.request(wireText(withHeader(request, "Content-Length", String(body.length)), body));
  } finally {
    connection.close();
  }
}

async function assertDescribed(request: Draft): Promise<void> {
  const answer = await send(server, request);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /"VaultName":"photos"/);
}

const described = (headers: Draft["headers"], query?: string) =>
  draft(server, "GET", "/-/vaults/photos", headers, query);

test("a client that signs with Date alone, in the form of HTTP, is served", async () => {
  const now = new Date();
  const dateText = now.toUTCString();
  const amzDate = amzDateAt(now.getTime());
  const signedHeaders = ["host", "x-amz-glacier-version"];
  const options = { amzDate, dateHeader: "date", dateText } as const;
  await assertDescribed(signInHeader(described([version]), signing(server, options)));
  await assertDescribed(signInHeader(described([version]), signing(server, { ...options, signedHeaders })));
});

/** An upload by a client that sends the hashes, as it must, but signs neither. */
function uploadLikeRusoto(on: TestServer): Draft {
  const headers = [version, ...Object.entries(contentHeaders(Buffer.from(hello)))];
  const signedHeaders = ["host", "x-amz-date", "x-amz-glacier-version"];
  const options = signing(on, { signedHeaders, payloadHash: hash("sha256", hello) });
  return signInHeader(draft(on, "POST", "/-/vaults/photos/archives", headers), options);
}

test("an archive whose hashes are not signed is stored, and no other bytes pass for it", async () => {
  const stored = await send(server, uploadLikeRusoto(server), hello);
  assert.equal(stored.status, 201, stored.text);
  const otherBytes = await send(server, uploadLikeRusoto(server), "hello w0rld");
  assert.match(otherBytes.json()?.message ?? "", /^The value passed in as x-amz-content-sha256 does not match/);
  const otherHashes = Object.entries(contentHeaders(Buffer.from("hello w0rld")));
  const request = uploadLikeRusoto(server);
  const replaced = {
    ...request,
    headers: request.headers.map((pair) => otherHashes.find(([name]) => name === pair[0]) ?? pair),
  };
  const both = await send(server, replaced, "hello w0rld");
  assert.match(both.json()?.message ?? "", /^The request signature we calculated does not match/);
});

test("headers outside the signature are taken only where the server was set to allow them", async () => {
  const upload = (on: TestServer) => {
    const headers = [version, ["x-amz-archive-description", "a photo"] as const];
    const options = signing(on, { signedHeaders: ["host"], dateHeader: "date", payloadHash: hash("sha256", hello) });
    const hashes = Object.entries(contentHeaders(Buffer.from(hello)));
    return signInHeader(draft(on, "POST", "/-/vaults/photos/archives", [...headers, ...hashes]), options);
  };
  const refused = await send(server, upload(server), hello);
  assert.equal(refused.status, 403);
  assert.match(refused.json()?.message ?? "", /not signed: x-amz-glacier-version, x-amz-archive-description$/);
  const allowed = await send(lenient, upload(lenient), hello);
  assert.equal(allowed.status, 201, allowed.text);
});

test("the admin API takes no headers outside the signature, whatever the server was set to", async () => {
  const options = signing(lenient, { signedHeaders: ["host", "x-amz-date"] });
  const scope = { ...options.scope, service: "moraine" };
  const request = draft(lenient, "GET", "/admin/users", [["x-amz-extra", "1"]]);
  const answer = await send(lenient, signInHeader(request, { ...options, scope }));
  assert.equal(answer.status, 403);
  assert.match(answer.json()?.message ?? "", /not signed: x-amz-extra$/);
});

const hostAlone = { signedHeaders: ["host"] };

for (const [signer, request] of [
  ["boto3 and Ruby make them, without a version", () => signInQuery(described([]), signing(server, hostAlone))],
  [
    "boto3 makes them, with an unsigned version that the user adds",
    () => withHeader(signInQuery(described([]), signing(server, hostAlone)), ...version),
  ],
  ["a client makes them that signs the version", () => signInQuery(described([version]), signing(server))],
  [
    "JavaScript makes them, with the version in the query",
    () => signInQuery(described([], "x-amz-glacier-version=2012-06-01"), signing(server, hostAlone)),
  ],
  [
    "Go makes them, with the version in the query and the hash of nothing signed",
    () => {
      const hashed = described([["x-amz-content-sha256", emptyHash]], "X-Amz-Glacier-Version=2012-06-01");
      const signed = signInQuery(hashed, signing(server));
      return { ...signed, headers: signed.headers.filter(([name]) => name === "Host") };
    },
  ],
  [
    "JavaScript's version 2 makes them, with the version in the query and signed as a header",
    () => {
      const signed = signInQuery(described([version], "x-amz-glacier-version=2012-06-01"), signing(server));
      return { ...signed, headers: signed.headers.filter(([name]) => name === "Host") };
    },
  ],
  [
    "AWS's presigner for JavaScript makes them, which leaves the payload unsigned",
    () => {
      const query = "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-amz-glacier-version=2012-06-01";
      return signInQuery(described([], query), signing(server, { ...hostAlone, payloadHash: "UNSIGNED-PAYLOAD" }));
    },
  ],
] as const) {
  test(`presigned URLs read as ${signer}`, () => assertDescribed(request()));
}

test("a presigned URL that signs a header is refused without it, unless its value is known", async () => {
  const signed = signInQuery(described([version]), signing(server));
  const bare = { ...signed, headers: signed.headers.filter(([name]) => name === "Host") };
  const answer = await send(server, bare);
  assert.match(answer.json()?.message ?? "", /signed which are not present in the request: x-amz-glacier-version$/);
  const query = "x-amz-glacier-version=2012-06-02";
  const other = signInQuery(described([version], query), signing(server));
  const wrong = await send(server, { ...other, headers: other.headers.filter(([name]) => name === "Host") });
  assert.match(wrong.json()?.message ?? "", /^The request signature we calculated does not match/);
});

test("the payload is left unsigned in presigned URLs that read alone", async () => {
  const query = "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD";
  const unsignedPayload = { payloadHash: "UNSIGNED-PAYLOAD" };
  const inHeader = signInHeader(described([version], query), signing(server, unsignedPayload));
  assert.match((await send(server, inHeader)).json()?.message ?? "", /^The request signature we calculated/);
  const all = await startTestServer({ presigned: "all" });
  try {
    const create = draft(all, "PUT", "/-/vaults/made", [version], query);
    const answer = await send(all, signInQuery(create, signing(all, unsignedPayload)));
    assert.match(answer.json()?.message ?? "", /^The request signature we calculated/);
  } finally {
    await all.stop();
  }
});

test("a presigned URL for another version of the API, or one that changes something without a version, is refused", async () => {
  for (const query of ["x-amz-glacier-version=2012-06-02", "X-Amz-Glacier-Version=2012-06-02"]) {
    const answer = await send(server, signInQuery(described([], query), signing(server, hostAlone)));
    assert.equal(answer.json()?.message, "Invalid API version: 2012-06-02");
  }
  const all = await startTestServer({ presigned: "all" });
  try {
    const create = draft(all, "PUT", "/-/vaults/made", [], "x-amz-glacier-version=2012-06-01");
    const answer = await send(all, signInQuery(create, signing(all, hostAlone)));
    assert.equal(answer.json()?.message, "Required parameter missing: API version");
  } finally {
    await all.stop();
  }
});

test("the answer to a wrong signature shows what should have been signed, in at most 8 KiB", async () => {
  const request = described([version, ["x-amz-archive-description", "x".repeat(12_000)]]);
  const answer = await send(server, signInHeader(request, signing(server, { secretAccessKey: "x".repeat(40) })));
  assert.equal(answer.status, 403);
  assert.match(
    answer.text,
    /The Canonical String for this request should have been\\n'GET\\n\/-\/vaults\/photos\\n\\nhost:/,
  );
  assert.match(answer.text, /The String-to-Sign should have been\\n'AWS4-HMAC-SHA256\\n/);
  assert.ok(Buffer.byteLength(answer.text) <= 8192);
});
