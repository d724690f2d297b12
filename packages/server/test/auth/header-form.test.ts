import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { errorBody, type GlacierError } from "@moraine/protocol";
import { amzNow, draft, editHeader, emptyHash, key, now, signInHeader, withHeader, withoutHeader } from "./signing.ts";
import {
  assertAccepted,
  assertRefused,
  incomplete,
  invalidSignature,
  mismatch,
  type Refusal,
  verify,
} from "./verifying.ts";

const signed = signInHeader(draft);
const authorization = (edit: (value: string) => string) => editHeader(signed, "authorization", edit);

for (const [how, separator] of [
  ["no space after a comma", ","],
  ["a space after a comma", ", "],
  ["a tab after a comma", ",\t"],
  ["a line folded after a comma", ",\r\n    "],
] as const) {
  test(`components with ${how} are accepted`, () => assertAccepted(signInHeader(draft, { separator })));
}

test("a header signed with its runs of spaces collapsed or only trimmed is accepted", async () => {
  const spaced = withHeader(draft, "x-amz-archive-description", "  two  spaces,   then three ");
  await assertAccepted(signInHeader(spaced, { spaces: "collapsed" }));
  await assertAccepted(signInHeader(spaced, { spaces: "trimmed" }));
  // Runs of spaces may be collapsed on either side; other white space may not.
  await assertRefused(
    editHeader(signInHeader(spaced), "x-amz-archive-description", (text) => text.replaceAll(" ", "")),
    mismatch,
  );
});

test("a description signed as UTF-8 but read as Latin-1 is refused", async () => {
  const client = signInHeader(withHeader(draft, "x-amz-archive-description", "Bär"));
  await assertAccepted(client); // Had it stood on the wire as it was signed.
  const onWire = Buffer.from("Bär", "utf8").toString("latin1");
  await assertRefused(
    editHeader(client, "x-amz-archive-description", () => onWire),
    mismatch,
  );
});

test("a request without any signature lacks its token", () =>
  assertRefused(draft, {
    status: 400,
    code: "MissingAuthenticationTokenException",
    message: "Missing Authentication Token",
  }));

for (const component of ["Credential", "SignedHeaders", "Signature"]) {
  test(`without ${component}, or with it empty or doubled, the header is incomplete`, async () => {
    const pattern = new RegExp(`${component}=[^,]*`);
    await assertRefused(
      authorization((value) => value.replace(pattern, `${component}=`)),
      incomplete(new RegExp(`^Authorization header requires '${component}' parameter\\.`)),
    );
    await assertRefused(
      authorization((value) => value.replace(pattern, "").replace(/,,|,$/, ",").replace(/ ,/, " ").replace(/,$/, "")),
      incomplete(new RegExp(`^Authorization header requires '${component}' parameter\\.`)),
    );
    await assertRefused(
      authorization((value) => `${value},${pattern.exec(value)?.[0]}`),
      incomplete(new RegExp(`'${component}' is duplicated`)),
    );
  });
}

test("any other algorithm leaves the header without components", async () => {
  for (const algorithm of [
    "AWS4-HMAC-SHA1",
    "aws4-hmac-sha256",
    "AWS4-ECDSA-P256-SHA256",
    "Bearer",
    "Basic",
    "AWS",
    "",
  ]) {
    await assertRefused(
      authorization((value) => value.replace("AWS4-HMAC-SHA256", algorithm)),
      incomplete(/^Authorization header requires 'Credential' parameter/),
    );
  }
});

test("without a date that can be read, the header is incomplete, and the error says which of the two it is", async () => {
  await assertRefused(
    withoutHeader(signed, "x-amz-date"),
    incomplete(/^Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\./),
  );
  const unreadable = (date: string) =>
    incomplete(`Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`);
  const never = ["", "20261122T102030", "20261131T102030Z"];
  for (const date of [...never, "Sun, 22 Nov 2026 10:20:30 GMT", "2026-11-22T10:20:30Z"]) {
    await assertRefused(
      editHeader(signed, "x-amz-date", () => date),
      unreadable(date),
    );
  }
  for (const date of [
    ...never,
    "Mon, 22 Nov 2026 10:20:30 GMT",
    "Sun, 22 Nov 2026 10:20:30 +0100",
    "Sun Nov 22 10:20:30 2026",
    "2026-11-22",
    "2026-02-30T10:20:30Z",
    "2026-11-22T10:20:30",
    "2026-11-22T25:20:30Z",
    "1795342830",
  ]) {
    await assertRefused(signInHeader(draft, { dateHeader: "date", dateText: date }), unreadable(date));
  }
});

const dateForms = [
  "20261122T102030Z",
  "2026-11-22T10:20:30Z",
  "2026-11-22T10:20:30.456Z",
  "2026-11-22T11:50:30+01:30",
  "Sun, 22 Nov 2026 10:20:30 GMT",
  "Sun, 22 Nov 2026 10:20:30 UTC",
  "Sun, 22 Nov 2026 10:20:30 -0000",
];

for (const dateText of dateForms) {
  test(`the date may come in Date alone, signed or not, as ${dateText}`, async () => {
    await assertAccepted(signInHeader(draft, { dateHeader: "date", dateText }));
    const unsigned = { dateHeader: "date", dateText, signedHeaders: ["host", "x-amz-glacier-version"] } as const;
    await assertAccepted(signInHeader(draft, unsigned));
    await assertRefused(
      editHeader(signInHeader(draft, unsigned), "date", () => "Sun, 22 Nov 2026 10:20:31 GMT"),
      mismatch,
    );
  });
}

test("x-amz-date wins over Date", async () => {
  const both = withHeader(draft, "Date", "Sun, 22 Nov 2026 09:00:00 GMT");
  await assertAccepted(signInHeader(both));
  await assertAccepted(signInHeader(both, { signedHeaders: ["host", "x-amz-date", "x-amz-glacier-version"] }));
});

test("a key that is not known is named as a wrong token, and so is any session token", async () => {
  const unknown: Refusal = {
    status: 400,
    code: "UnrecognizedClientException",
    message: "The security token included in the request is invalid.",
  };
  await assertRefused(signInHeader(draft, { scope: { accessKeyId: "AKIAIOSFODNN7EXAMPLF" } }), unknown);
  await assertRefused(signInHeader(draft, { scope: { accessKeyId: key.accessKeyId.toLowerCase() } }), unknown);
  await assertRefused(signInHeader(withHeader(draft, "x-amz-security-token", "abc")), unknown);
  await assertRefused(signInHeader(withHeader(draft, "x-amz-security-token", "")), unknown);
});

const absent = (names: string) =>
  invalidSignature(`There were headers signed which are not present in the request: ${names}`);

const at = (seconds: number) => ({ systemNow: () => new Date(now.getTime() + seconds * 1000) });

test("a signature holds for five minutes in both directions, to the second", async () => {
  for (const seconds of [-300, -299, 0, 299, 300]) {
    await assertAccepted(signed, at(seconds));
  }
});

test("an older signature has expired, and the response says when", () =>
  assertRefused(
    signed,
    invalidSignature(
      "Signature expired: 20261122T102030Z is now earlier than 20261122T102031Z (20261122T102531Z - 5 min.)",
    ),
    at(301),
  ));

test("a signature from the future is not yet current, and the response says until when", () =>
  assertRefused(
    signed,
    invalidSignature(
      "Signature not yet current: 20261122T102030Z is still later than 20261122T102029Z (20261122T101529Z + 5 min.)",
    ),
    at(-301),
  ));

test("a scope for another day, region, service or terminator is refused, each in its own words", async () => {
  for (const [scope, message] of [
    [
      { date: "20261121" },
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        "'20261121' != '20261122', from '20261122T102030Z'.",
    ],
    [{ region: "eu-west-1" }, "Credential should be scoped to a valid region, not 'eu-west-1'. "],
    [{ region: "US-EAST-1" }, "Credential should be scoped to a valid region, not 'US-EAST-1'. "],
    [{ service: "s3" }, "Credential should be scoped to correct service: 'glacier'. "],
    [{ terminator: "aws5_request" }, /valid terminator: 'aws4_request', not 'aws5_request'/],
  ] as const) {
    await assertRefused(signInHeader(draft, { scope }), invalidSignature(message));
  }
});

test("STS alone also takes the region of its endpoint for all regions", async () => {
  const inFrankfurt = { region: "eu-central-1" };
  const signedFor = (service: string, region: string) => signInHeader(draft, { scope: { service, region } });
  for (const region of ["eu-central-1", "us-east-1"]) {
    await assertAccepted(signedFor("sts", region), { ...inFrankfurt, service: "sts" });
  }
  const wrong = (region: string) =>
    invalidSignature(`Credential should be scoped to a valid region, not '${region}'. `);
  await assertRefused(signedFor("sts", "us-east-2"), wrong("us-east-2"), { ...inFrankfurt, service: "sts" });
  await assertRefused(signedFor("glacier", "us-east-1"), wrong("us-east-1"), inFrankfurt);
});

test("a credential has five parts, none empty", async () => {
  for (const edit of [
    (value: string) => value.replace("/aws4_request", ""),
    (value: string) => value.replace("/aws4_request", "/aws4_request/more"),
    (value: string) => value.replace("/us-east-1/", "//"),
    (value: string) => value.replace(key.accessKeyId, ""),
  ]) {
    await assertRefused(authorization(edit), incomplete(/^Credential must have exactly 5 slash-delimited elements/));
  }
});

const unsigned = (names: string) =>
  invalidSignature(`There were headers present in the request which were not signed: ${names}`);

test("host and every x-amz- header must be signed, but for the date", async () => {
  const names = ["host", "x-amz-date", "x-amz-glacier-version"];
  const without = (name: string) => signInHeader(draft, { signedHeaders: names.filter((each) => each !== name) });
  await assertRefused(without("host"), unsigned("host"));
  await assertRefused(without("x-amz-glacier-version"), unsigned("x-amz-glacier-version"));
  await assertAccepted(without("x-amz-date"));
  await assertRefused(
    editHeader(without("x-amz-date"), "x-amz-date", () => "20261122T102031Z"),
    mismatch,
  );
  await assertRefused(
    withHeader(signed, "X-Amz-Archive-Description", "added on the way"),
    unsigned("x-amz-archive-description"),
  );
});

const otherHash = "726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628";

test("the body's two hashes need not be signed, for the first one is the payload hash", async () => {
  const hashed = withHeader(withHeader(draft, "x-amz-content-sha256", otherHash), "x-amz-sha256-tree-hash", otherHash);
  const signedHeaders = ["host", "x-amz-date", "x-amz-glacier-version"];
  const request = signInHeader(hashed, { signedHeaders, payloadHash: otherHash });
  await assertAccepted(request, { payloadHash: otherHash });
  await assertRefused(request, mismatch);
});

test("other unsigned x-amz- headers can be allowed, but never an unsigned host", async () => {
  const allowed = { unsignedHeaders: "allow" } as const;
  const described = withHeader(draft, "x-amz-archive-description", "photos");
  const request = signInHeader(described, { signedHeaders: ["host", "x-amz-date"] });
  await assertRefused(request, unsigned("x-amz-glacier-version, x-amz-archive-description"));
  await assertAccepted(request, allowed);
  await assertRefused(signInHeader(described, { signedHeaders: ["x-amz-date"] }), unsigned("host"), allowed);
  await assertRefused(
    signInHeader(described, { signedHeaders: ["host", "x-amz-meta-gone"] }),
    absent("x-amz-meta-gone"),
    allowed,
  );
});

test("headers that proxies and clients add may stay unsigned", async () => {
  let passed = signed;
  for (const name of [
    "x-amzn-trace-id",
    "user-agent",
    "amz-sdk-invocation-id",
    "content-type",
    "range",
    "x-forwarded-for",
  ]) {
    passed = withHeader(passed, name, "bytes=0-1");
  }
  await assertAccepted(passed);
});

test("a header that was signed but did not arrive is refused, an empty name among them", async () => {
  for (const name of ["x-amz-meta-gone", "range", "x-amz-content-sha256", ""]) {
    await assertRefused(
      signInHeader(draft, { signedHeaders: ["host", "x-amz-date", "x-amz-glacier-version", name] }),
      absent(name),
    );
  }
});

const canonicalText = [
  "GET",
  "/-/vaults/photos",
  "",
  "host:localhost:8484",
  `x-amz-date:${amzNow}`,
  "x-amz-glacier-version:2012-06-01",
  "",
  "host;x-amz-date;x-amz-glacier-version",
  emptyHash,
].join("\n");

test("a signature that does not match is answered with what should have been signed", () => {
  const toSign = `AWS4-HMAC-SHA256\n${amzNow}\n20261122/us-east-1/glacier/aws4_request\n${hash("sha256", canonicalText)}`;
  const message =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
    "and signing method. Consult the service documentation for details.\n\n" +
    `The Canonical String for this request should have been\n'${canonicalText}'\n\n` +
    `The String-to-Sign should have been\n'${toSign}'\n`;
  return assertRefused(signInHeader(draft, { secretAccessKey: "x".repeat(40) }), { ...mismatch, message });
});

test("the text that should have been signed is shown within 8 KiB, and without the key's secret", async () => {
  for (const text of ["x".repeat(20_000), '"\\'.repeat(10_000), "é".repeat(9000)]) {
    const long = signInHeader(withHeader(draft, "x-amz-archive-description", text), {
      secretAccessKey: "x".repeat(40),
    });
    await assert.rejects(verify(long), (error: GlacierError) => {
      const body = JSON.stringify(errorBody(error));
      assert.ok(Buffer.byteLength(body) <= 8192, `${Buffer.byteLength(body)}`);
      assert.match(
        error.message,
        /…'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n[^']*[0-9a-f]{64}'\n$/,
      );
      assert.doesNotMatch(body, new RegExp(key.secretAccessKey.replace(/\W/g, ".")));
      return true;
    });
  }
});

test("only 64 lower-case hexadecimal digits are a signature", async () => {
  const edits: Array<(signature: string) => string> = [
    (signature) => signature.toUpperCase(),
    (signature) => signature.slice(0, -1),
    (signature) => signature.slice(0, -2),
    (signature) => `${signature}0`,
    (signature) => `${signature}00`,
    (signature) => `0x${signature.slice(2)}`,
    (signature) => `${signature.slice(0, -1)}g`,
    (signature) => `${signature.slice(0, -1)}${signature.endsWith("0") ? "1" : "0"}`,
    (signature) => [...signature].reverse().join(""),
    () => "0".repeat(64),
    () => "null",
  ];
  for (const edit of edits) {
    const forged = authorization((value) => value.replace(/(?<=Signature=).*/, edit));
    await assertRefused(forged, mismatch);
  }
});

test("the signature of another secret, day or payload is refused", async () => {
  await assertRefused(signInHeader(draft, { secretAccessKey: `${key.secretAccessKey} ` }), mismatch);
  await assertRefused(signInHeader(draft, { payloadHash: emptyHash.toUpperCase() }), mismatch);
  const older = signInHeader(draft, { amzDate: "20261122T102029Z" });
  await assertRefused(
    editHeader(older, "x-amz-date", () => amzNow),
    mismatch,
  );
});

test("a request in both forms at once is refused before either is judged", () =>
  assertRefused(
    { ...signed, query: "X-Amz-Signature=x" },
    { status: 400, code: "BadRequest", message: "A request is signed in its header or in its query, not in both" },
  ));
