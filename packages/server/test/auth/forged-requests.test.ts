import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { connectRaw, type RawAnswer } from "../http/raw-socket.ts";
import { accountId, region, type TestServer } from "../support/server.ts";
import { pathValues, type RouteRequest, routeRequests } from "./route-drafts.ts";
import { startTarget, type Target } from "./side-effects.ts";
import {
  type Draft,
  editHeader,
  emptyHash,
  encodeQuery,
  type Signing,
  signInHeader,
  signInQuery,
  withHeader,
  withoutHeader,
} from "./signing.ts";

// Requests that somebody without the key could send, or could make of one that was captured: none may do anything.

let target: Target;
let server: TestServer;
let routes: readonly RouteRequest[];

before(async () => {
  target = await startTarget({ presigned: "all" });
  server = target.server;
  routes = routeRequests({ ...pathValues, uploadId: target.uploadId });
});
after(() => target.stop());

/** How to forge one: from a request that is right but unsigned, and the means to sign it. */
interface Attack {
  readonly name: string;
  forge(request: Draft, signing: Signing): Draft;
}

const editAuthorization = (edit: (value: string) => string) => (request: Draft, signing: Signing) =>
  editHeader(signInHeader(request, signing), "authorization", edit);
const editSignature = (edit: (signature: string) => string) =>
  editAuthorization((value) => value.replace(/(?<=Signature=).*/, edit));
const withScope = (scope: Signing["scope"]) => (request: Draft, signing: Signing) =>
  signInHeader(request, { ...signing, scope: { ...signing.scope, ...scope } });
const editQuery = (edit: (query: URLSearchParams) => void) => (request: Draft, signing: Signing) => {
  const signed = signInQuery(request, signing);
  const query = new URLSearchParams(signed.query);
  edit(query);
  return { ...signed, query: encodeQuery(query) };
};
const afterSigning = (edit: (signed: Draft) => Draft) => (request: Draft, signing: Signing) =>
  edit(signInHeader(request, signing));
const beforeSigning =
  (edit: (request: Draft) => Draft, more: Signing = {}) =>
  (request: Draft, signing: Signing) =>
    signInHeader(edit(request), { ...signing, ...more });
const flipDigit = (digits: string, at: number) =>
  digits.slice(0, at) + ((Number.parseInt(digits[at] ?? "0", 16) + 1) % 16).toString(16) + digits.slice(at + 1);
const bearer = { "x-amz-security-token": "FwoGZXIvYXdzEXAMPLE" };
const hours = (count: number) => amzDateAt(Date.now() + count * 3_600_000);

const attacks: readonly Attack[] = [
  { name: "no signature", forge: (request) => request },
  { name: "an empty Authorization", forge: (request) => withHeader(request, "Authorization", "") },
  ...[
    "Basic cm9vdDpyb290",
    "Bearer x",
    "AWS AKIA:sig",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 ",
    "AWS4-HMAC-SHA256 ,,",
  ].map(
    (value): Attack => ({
      name: `Authorization: ${value}`,
      forge: (request) => withHeader(request, "Authorization", value),
    }),
  ),
  ...[0, 17, 40, 63].map(
    (at): Attack => ({ name: `digit ${at} flipped`, forge: editSignature((text) => flipDigit(text, at)) }),
  ),
  { name: "the signature in capitals", forge: editSignature((text) => `F${text.slice(1).toUpperCase()}`) },
  { name: "the signature cut", forge: editSignature((text) => text.slice(0, 62)) },
  { name: "the signature of one digit", forge: editSignature((text) => text.slice(0, 1)) },
  { name: "the signature doubled", forge: editSignature((text) => text + text) },
  { name: "no signature in it", forge: editSignature(() => "") },
  { name: "zeros", forge: editSignature(() => "0".repeat(64)) },
  {
    name: "another secret",
    forge: (request, signing) => signInHeader(request, { ...signing, secretAccessKey: "x".repeat(40) }),
  },
  { name: "an empty secret", forge: (request, signing) => signInHeader(request, { ...signing, secretAccessKey: "" }) },
  { name: "an unknown key", forge: withScope({ accessKeyId: "AKIAI44QH8DHBEXAMPLE" }) },
  { name: "an account for a key", forge: withScope({ accessKeyId: accountId }) },
  { name: "another day", forge: withScope({ date: "20200101" }) },
  { name: "another region", forge: withScope({ region: "eu-west-1" }) },
  { name: "another service", forge: withScope({ service: "s3" }) },
  { name: "another terminator", forge: withScope({ terminator: "aws4_requesu" }) },
  { name: "five hours old", forge: (request, signing) => signInHeader(request, { ...signing, amzDate: hours(-5) }) },
  { name: "five hours ahead", forge: (request, signing) => signInHeader(request, { ...signing, amzDate: hours(5) }) },
  { name: "no date", forge: (request, signing) => signInHeader(request, { ...signing, dateHeader: null }) },
  {
    name: "a second Authorization",
    forge: afterSigning((signed) => withHeader(signed, "authorization", "AWS4-HMAC-SHA256 x")),
  },
  { name: "a second Host", forge: afterSigning((signed) => withHeader(signed, "host", "example.com")) },
  { name: "a second x-amz-date", forge: afterSigning((signed) => withHeader(signed, "X-AMZ-DATE", hours(0))) },
  {
    name: "no Host among the signed",
    forge: (request, signing) =>
      signInHeader(request, { ...signing, signedHeaders: ["x-amz-date", "x-amz-glacier-version"] }),
  },
  {
    name: "the date not signed",
    forge: (request, signing) =>
      signInHeader(request, { ...signing, signedHeaders: ["host", "x-amz-glacier-version"] }),
  },
  { name: "nothing signed", forge: (request, signing) => signInHeader(request, { ...signing, signedHeaders: [] }) },
  {
    name: "a signed header that is absent",
    forge: (request, signing) =>
      signInHeader(request, {
        ...signing,
        signedHeaders: ["host", "x-amz-date", "x-amz-glacier-version", "x-amz-meta-a"],
      }),
  },
  ...[
    "x-amz-copy-source",
    "x-amz-archive-description",
    "x-amz-target",
    "x-amz-",
    "X-Amz-Acl",
    "x-amz-part-size",
    "x-amz-sha256-tree-hash",
  ].map(
    (name): Attack => ({
      name: `${name} unsigned`,
      forge: afterSigning((signed) => withHeader(withoutHeader(signed, name), name, "1")),
    }),
  ),
  ...[
    "UNSIGNED-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "",
    "x",
    `${emptyHash}0`,
  ].map(
    (claim): Attack => ({
      name: `x-amz-content-sha256: ${claim}`,
      forge: beforeSigning(
        (request) => withHeader(withoutHeader(request, "x-amz-content-sha256"), "x-amz-content-sha256", claim),
        { payloadHash: claim },
      ),
    }),
  ),
  {
    name: "the hash of another body",
    forge: beforeSigning(
      (request) =>
        withHeader(withoutHeader(request, "x-amz-content-sha256"), "x-amz-content-sha256", hash("sha256", "z")),
      { payloadHash: hash("sha256", "z") },
    ),
  },
  {
    name: "a session token",
    forge: beforeSigning((request) => ({ ...request, headers: [...request.headers, ...Object.entries(bearer)] })),
  },
  { name: "another path than was signed", forge: afterSigning((signed) => ({ ...signed, path: `${signed.path}x` })) },
  {
    name: "the account's digits for the dash",
    forge: afterSigning((signed) => ({ ...signed, path: signed.path.replace("/-/", `/${accountId}/`) })),
  },
  {
    name: "a query that was not signed",
    forge: afterSigning((signed) => ({ ...signed, query: [signed.query, "a=1"].filter(Boolean).join("&") })),
  },
  {
    name: "both forms",
    forge: (request, signing) => {
      const presigned = signInQuery(request, signing);
      return signInHeader(presigned, signing);
    },
  },
  {
    name: "a query form beside the header",
    forge: afterSigning((signed) => ({
      ...signed,
      query: [signed.query, "X-Amz-Credential=x"].filter(Boolean).join("&"),
    })),
  },
  {
    name: "a presigned signature cut",
    forge: editQuery((query) => query.set("X-Amz-Signature", (query.get("X-Amz-Signature") ?? "").slice(1))),
  },
  { name: "a presigned life prolonged", forge: editQuery((query) => query.set("X-Amz-Expires", "604800")) },
  {
    name: "a presigned date moved",
    forge: editQuery((query) => query.set("X-Amz-Date", amzDateAt(Date.now() - 7000))),
  },
  { name: "a presigned query grown", forge: editQuery((query) => query.set("extra", "1")) },
  {
    name: "presigned, without host",
    forge: (request, signing) => signInQuery(request, { ...signing, signedHeaders: ["x-amz-glacier-version"] }),
  },
  { name: "presigned, expired", forge: (request, signing) => signInQuery(request, { ...signing, amzDate: hours(-1) }) },
  {
    name: "presigned for ever",
    forge: (request, signing) => signInQuery(request, { ...signing, expires: "99999999" }),
  },
  {
    name: "presigned with another secret",
    forge: (request, signing) => signInQuery(request, { ...signing, secretAccessKey: "y".repeat(40) }),
  },
  {
    name: "a presigned signature twice",
    forge: editQuery((query) => query.append("X-Amz-Signature", query.get("X-Amz-Signature") ?? "")),
  },
];

test("of all forged requests over all routes, none is accepted and none leaves a trace", {
  timeout: 60_000,
}, async () => {
  const untouched = await target.snapshot();
  let total = 0;
  const send = await connectRaw(server.port);
  for (const route of routes) {
    for (const attack of attacks) {
      const answer = await send.request(wireText(attack.forge(draftOf(route), signingOf(route)), route.body));
      assertDenied(answer, `${route.name}: ${attack.name}`);
      total += 1;
    }
  }
  send.close();
  assert.ok(total >= 2000, `${total} requests`);
  assert.deepEqual(await target.snapshot(), untouched);
});

test("no byte of a body can change without its request being refused", async () => {
  const body = Buffer.from("precious bytes");
  const signed = draftOf({
    ...(routes.find(({ name }) => name === "UploadArchive") as RouteRequest),
    headers: { "x-amz-content-sha256": hash("sha256", body), "x-amz-sha256-tree-hash": hash("sha256", body) },
    body: body.toString(),
  });
  const signing = { ...signingOf(undefined), payloadHash: hash("sha256", body) };
  const untouched = await target.snapshot();
  const send = await connectRaw(server.port);
  for (let bit = 0; bit < body.length * 8; bit += 3) {
    const damaged = Buffer.from(body);
    damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const answer = await send.request(wireText(signInHeader(signed, signing), damaged.toString("latin1")));
    assert.equal(answer.json()?.code, "InvalidSignatureException", answer.text);
    assert.match(answer.text, /does not match the computed payload hash/);
  }
  send.close();
  assert.deepEqual(await target.snapshot(), untouched);
});

test("the same requests, signed as they should be, pass authentication", async () => {
  const send = await connectRaw(server.port);
  for (const route of routes) {
    for (const sign of [signInHeader, signInQuery]) {
      const answer = await send.request(wireText(sign(draftOf(route), signingOf(route)), route.body));
      const code = answer.json()?.code ?? "none";
      assert.doesNotMatch(code, /Signature|Token|UnrecognizedClient|AccessDenied/, `${route.name}: ${answer.text}`);
      assert.ok(answer.status < 500, answer.text);
    }
  }
  send.close();
});

function assertDenied(answer: RawAnswer, what: string): void {
  const where = `${what}: ${answer.text}`;
  assert.ok(answer.status === 400 || answer.status === 403, where);
  assert.deepEqual(Object.keys(answer.json() ?? {}), ["code", "message", "type"], where);
  assert.match(
    answer.json()?.code ?? "",
    /^(InvalidSignature|IncompleteSignature|MissingAuthenticationToken|UnrecognizedClient|MissingParameterValue)Exception$|^BadRequest$/,
    where,
  );
}

function draftOf({ method, path, headers, body }: RouteRequest): Draft {
  const [bare = "", query = ""] = path.split("?");
  return {
    method,
    path: bare,
    query,
    headers: [
      ["Host", `127.0.0.1:${server.port}`],
      ["x-amz-glacier-version", "2012-06-01"],
      ...Object.entries(headers),
      ["Content-Length", String(Buffer.byteLength(body))],
    ],
  };
}

function signingOf(route: RouteRequest | undefined): Signing {
  const { accessKeyId, secretAccessKey } = server.key;
  return {
    secretAccessKey,
    scope: { accessKeyId, region },
    amzDate: amzDateAt(Date.now()),
    payloadHash: hash("sha256", route?.body ?? ""),
  };
}

function wireText({ method, path, query = "", headers }: Draft, body: string): string {
  const target = query === "" ? path : `${path}?${query}`;
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n${body}`;
}

function amzDateAt(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.[0-9]+/g, "");
}
