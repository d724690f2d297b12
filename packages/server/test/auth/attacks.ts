import { hash } from "node:crypto";
import { accountId } from "../support/server.ts";
import {
  amzDateAt,
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

// Requests that somebody without the key could send, or could make of a request that was captured.

/** How to forge one: from a request that is right but unsigned, and the means to sign it. */
export interface Attack {
  readonly name: string;
  forge(request: Draft, signing: Signing): Forged;
}

export interface Forged extends Draft {
  /** In the place of the request's own. */
  readonly body?: string;
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

export const attacks: readonly Attack[] = [
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
  {
    name: "the other API's service",
    forge: withScopeOf(({ service }) => (service === "moraine" ? "glacier" : "moraine")),
  },
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
    name: "an unsigned date moved",
    forge: (request, signing) =>
      editHeader(
        signInHeader(request, { ...signing, signedHeaders: ["host", "x-amz-glacier-version"] }),
        "x-amz-date",
        () => amzDateAt(Date.now() - 7000),
      ),
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
    "x-amz-account-id",
    "x-amz-",
    "X-Amz-Acl",
    "x-amz-part-size",
    "x-amz-content-sha256",
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
    name: "the account's digits for the dash, or for the admin",
    forge: afterSigning((signed) => ({ ...signed, path: signed.path.replace(/^\/(-|admin)\//, `/${accountId}/`) })),
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
    name: "a query form in addition to the header",
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
  ...[1, 2, 3].map(
    (step): Attack => ({
      name: `another method, ${step}`,
      forge: afterSigning((signed) => ({ ...signed, method: turned(methods, signed.method, step) })),
    }),
  ),
  { name: "a method that there is not", forge: afterSigning((signed) => ({ ...signed, method: "PATCH" })) },
  ...[0, 1, 2, 3].map(
    (at): Attack => ({
      name: `the signed header ${at} changed`,
      forge: afterSigning((signed) => changeHeader(signed, at)),
    }),
  ),
  { name: "the first signed header left out of the list", forge: editSignedHeaders((names) => names.slice(1)) },
  { name: "the last signed header left out of the list", forge: editSignedHeaders((names) => names.slice(0, -1)) },
  { name: "a signed header added to the list", forge: editSignedHeaders((names) => [...names, "authorization"]) },
  { name: "a signed header twice in the list", forge: editSignedHeaders((names) => [...names, names[0] ?? ""]) },
  {
    name: "another key after signing",
    forge: editAuthorization((value) => value.replace("Credential=", "Credential=X")),
  },
  {
    name: "a scope with a part more",
    forge: editAuthorization((value) => value.replace("/aws4_request", "/x/aws4_request")),
  },
  { name: "a scope without its end", forge: editAuthorization((value) => value.replace("/aws4_request", "")) },
  {
    name: "another day after signing",
    forge: editAuthorization((value) => value.replace(/\/20\d{6}\//, "/20200101/")),
  },
  {
    name: "another service after signing",
    forge: editAuthorization((value) => value.replace("/aws4_request", "4/aws4_request")),
  },
  ...[
    ["a slash more at the end", (path: string) => `${path}/`],
    ["a slash doubled", (path: string) => path.replace("/", "//")],
    ["a dot for a segment", (path: string) => `/.${path}`],
    ["a way up", (path: string) => `/x/..${path}`],
    ["a letter in the other case", (path: string) => path.replace(/[a-z]/, (letter) => letter.toUpperCase())],
    ["a letter encoded", (path: string) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)],
    ["a zero byte at the end", (path: string) => `${path}%00`],
  ].map(
    ([name, edit]): Attack => ({
      name: `a path with ${name}`,
      forge: afterSigning((signed) => ({ ...signed, path: (edit as (path: string) => string)(signed.path) })),
    }),
  ),
  ...["limit=1", "marker=x", "operation=remove", "X-Amz-Expires=1", "="].map(
    (parameter): Attack => ({
      name: `the query grown by ${parameter}`,
      forge: afterSigning((signed) => ({ ...signed, query: [signed.query, parameter].filter(Boolean).join("&") })),
    }),
  ),
  { name: "another body, whose length was not signed", forge: otherBody },
];

const methods = ["GET", "PUT", "POST", "DELETE"];

function turned(values: readonly string[], value: string, step: number): string {
  return values[(values.indexOf(value) + step) % values.length] ?? value;
}

/** Changes one of the headers whose change leaves the request well-formed, starting again after the last. */
function changeHeader(signed: Draft, at: number): Draft {
  const names = signed.headers.map(([name]) => name.toLowerCase());
  const safe = names.filter((name) => !["authorization", "content-length"].includes(name));
  return editHeader(signed, safe[at % safe.length] ?? "", (value) => `${value}0`);
}

/** As long as the request's own, for a part is refused by its length alone. */
function otherBody(request: Draft, signing: Signing): Forged {
  const [, length] = request.headers.find(([name]) => name === "Content-Length") ?? [];
  const body = "0".repeat(Number(length)) || "{}";
  const signedHeaders = [...request.headers.map(([name]) => name.toLowerCase()), "x-amz-date"].filter(
    (name) => name !== "content-length",
  );
  const signed = signInHeader(request, { ...signing, signedHeaders });
  return { ...editHeader(signed, "content-length", () => String(body.length)), body };
}

function editSignedHeaders(edit: (names: string[]) => string[]) {
  return editAuthorization((value) =>
    value.replace(/(?<=SignedHeaders=)[^,]*/, (names) => edit(names.split(";")).join(";")),
  );
}

function withScopeOf(serviceOf: (scope: { readonly service?: string | undefined }) => string) {
  return (request: Draft, signing: Signing) =>
    signInHeader(request, { ...signing, scope: { ...signing.scope, service: serviceOf(signing.scope ?? {}) } });
}
