import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CredentialScope,
  formatAmzDate,
  formatScope,
  parseAmzDate,
  parseAuthorizationHeader,
  parseCredential,
  stringToSign,
} from "@moraine/protocol";
import fc from "fast-check";

const scope: CredentialScope = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  date: "20120525",
  region: "us-east-1",
  service: "glacier",
  terminator: "aws4_request",
};
const credential = "AKIAIOSFODNN7EXAMPLE/20120525/us-east-1/glacier/aws4_request";
const signature = "3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a";
const parsed = { credential, signedHeaders: ["host", "x-amz-date", "x-amz-glacier-version"], signature };

test("the string to sign has four lines, the scope without the key", () => {
  assert.equal(formatScope(scope), "20120525/us-east-1/glacier/aws4_request");
  assert.equal(
    stringToSign("20120525T002453Z", scope, "5f1d"),
    "AWS4-HMAC-SHA256\n20120525T002453Z\n20120525/us-east-1/glacier/aws4_request\n5f1d",
  );
});

test("a credential has five parts, none of them empty", () => {
  assert.deepEqual(parseCredential(credential), scope);
  for (const text of [
    "",
    "AKID",
    `${credential}/`,
    `/${credential}`,
    credential.replace("us-east-1", ""),
    "////",
    "a/b/c/d",
  ]) {
    assert.equal(parseCredential(text), undefined, text);
  }
});

const signedHeaders = "host;x-amz-date;x-amz-glacier-version";
for (const [how, header] of [
  [
    "without white space",
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`,
  ],
  [
    "with a space after each comma",
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  ],
  [
    "folded over lines",
    `AWS4-HMAC-SHA256 Credential=${credential},\r\n\tSignedHeaders=${signedHeaders},\r\n   Signature=${signature}`,
  ],
  [
    "in another order",
    `AWS4-HMAC-SHA256   Signature=${signature} ,SignedHeaders=${signedHeaders},Credential=${credential}`,
  ],
  [
    "with capitals among the signed headers",
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=Host;X-Amz-Date;x-amz-glacier-version,Signature=${signature}`,
  ],
] as const) {
  test(`an Authorization header ${how} is read`, () => {
    assert.deepEqual(parseAuthorizationHeader(header), parsed);
  });
}

test("a signature of any form is handed on, for it is only wrong", () => {
  const header = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host,Signature=ABC=`;
  assert.equal(parseAuthorizationHeader(header).signature, "ABC=");
});

const requires = (name: string) => `Authorization header requires '${name}' parameter.`;
const incomplete: [header: string, message: string][] = [
  ["", `${requires("Credential")} ${requires("Signature")} ${requires("SignedHeaders")} Authorization=`],
  [
    "AWS4-HMAC-SHA256",
    `${requires("Credential")} ${requires("Signature")} ${requires("SignedHeaders")} Authorization=AWS4-HMAC-SHA256`,
  ],
  [
    "Bearer abc",
    `${requires("Credential")} ${requires("Signature")} ${requires("SignedHeaders")} Authorization=Bearer abc`,
  ],
  [
    `AWS4-HMAC-SHA1 Credential=${credential},SignedHeaders=host,Signature=00`,
    `${requires("Credential")} ${requires("Signature")} ${requires("SignedHeaders")} Authorization=AWS4-HMAC-SHA1 Credential=${credential},SignedHeaders=host,Signature=00`,
  ],
  [
    `AWS4-HMAC-SHA256 Credential=${credential}`,
    `${requires("Signature")} ${requires("SignedHeaders")} Authorization=AWS4-HMAC-SHA256 Credential=${credential}`,
  ],
  [
    "AWS4-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
    `${requires("Credential")} Authorization=AWS4-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00`,
  ],
  [
    "AWS4-HMAC-SHA256 Credential=a SignedHeaders=host,Signature",
    "'Signature' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential=a SignedHeaders=host,Signature'.",
  ],
  [
    "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00,",
    "'' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00,'.",
  ],
  [
    "AWS4-HMAC-SHA256 Credential=a,Credential=b,SignedHeaders=host,Signature=00",
    "'Credential' is duplicated in Authorization header: 'AWS4-HMAC-SHA256 Credential=a,Credential=b,SignedHeaders=host,Signature=00'.",
  ],
  [
    "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00,Extra=1",
    "'Extra' is not known in Authorization header: 'AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00,Extra=1'.",
  ],
  [
    "AWS4-HMAC-SHA256 credential=a,SignedHeaders=host,Signature=00",
    "'credential' is not known in Authorization header: 'AWS4-HMAC-SHA256 credential=a,SignedHeaders=host,Signature=00'.",
  ],
  [
    "AWS4-HMAC-SHA256 __proto__=a,SignedHeaders=host,Signature=00",
    "'__proto__' is not known in Authorization header: 'AWS4-HMAC-SHA256 __proto__=a,SignedHeaders=host,Signature=00'.",
  ],
];

for (const [header, message] of incomplete) {
  test(`the Authorization header ${JSON.stringify(header.slice(0, 70))} is incomplete`, () => {
    assert.throws(() => parseAuthorizationHeader(header), {
      code: "IncompleteSignatureException",
      status: 400,
      message,
    });
  });
}

test("no Authorization header makes the parser fail otherwise than by saying it is incomplete", () => {
  const piece = fc.constantFrom(
    "AWS4-HMAC-SHA256",
    " ",
    ",",
    "=",
    ";",
    "Credential",
    "SignedHeaders",
    "Signature",
    "\r\n",
    "x",
    "/",
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      try {
        parseAuthorizationHeader(pieces.join(""));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "IncompleteSignatureException");
      }
    }),
  );
});

test("a date of the wire is read to the second and written back the same", () => {
  assert.deepEqual(parseAmzDate("20120525T002453Z"), new Date("2012-05-25T00:24:53Z"));
  const date = fc.date({
    min: new Date("0000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(date, (moment) => {
      const text = formatAmzDate(moment);
      assert.match(text, /^\d{8}T\d{6}Z$/);
      assert.equal(parseAmzDate(text)?.getTime(), Math.floor(moment.getTime() / 1000) * 1000);
    }),
  );
});

test("leap days are dates in leap years alone", () => {
  assert.ok(parseAmzDate("20240229T000000Z"));
  assert.equal(parseAmzDate("20230229T000000Z"), undefined);
});

for (const text of [
  "",
  "20120230T000000Z",
  "20121301T000000Z",
  "20120001T000000Z",
  "20120100T000000Z",
  "20120101T240000Z",
  "20120101T006000Z",
  "20120101T000060Z",
  "20120101T000000",
  "20120101T000000z",
  "20120101t000000Z",
  "2012-01-01T00:00:00Z",
  "20120101T000000.000Z",
  "20120101T000000Z ",
  "20120101T000000Z\n",
  "Fri, 25 May 2012 00:24:53 GMT",
]) {
  test(`${JSON.stringify(text)} is no date of the wire`, () => {
    assert.equal(parseAmzDate(text), undefined);
  });
}
