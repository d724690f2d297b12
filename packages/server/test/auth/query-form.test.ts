import { test } from "node:test";
import { draft, emptyHash, encodeQuery, key, now, signInQuery, withHeader, withoutHeader } from "./signing.ts";
import { assertAccepted, assertRefused, incomplete, invalidSignature, mismatch, type Refusal } from "./verifying.ts";

const signed = signInQuery(draft);
const edited = (edit: (query: URLSearchParams) => void) => {
  const query = new URLSearchParams(signed.query);
  edit(query);
  return { ...signed, query: encodeQuery(query) };
};
const notAllowed: Refusal = {
  status: 403,
  code: "AccessDeniedException",
  message: "Presigned URLs are not accepted for this request",
};

test("by default a presigned URL may read, and change nothing", async () => {
  await assertAccepted(signed);
  for (const method of ["PUT", "POST", "DELETE"]) {
    await assertRefused(signInQuery({ ...draft, method }), notAllowed);
  }
});

test("presigned URLs can be allowed for all requests, or for none", async () => {
  for (const method of ["GET", "PUT", "POST", "DELETE"]) {
    const request = signInQuery({ ...draft, method });
    await assertAccepted(request, { presigned: "all" });
    await assertRefused(request, notAllowed, { presigned: "off" });
  }
});

test("a presigned URL keeps what was in its query, and its parameters may stand in any order", async () => {
  await assertAccepted(signInQuery({ ...draft, query: "limit=3&marker=a%2Fb+c" }));
  await assertAccepted({ ...signed, query: (signed.query ?? "").split("&").reverse().join("&") });
});

test("a presigned URL lives from 1 second to 7 days", async () => {
  for (const expires of ["1", "604800"]) {
    await assertAccepted(signInQuery(draft, { expires }));
  }
  for (const expires of ["0", "604801", "-1", "1.5", "1e3", " 60", "0x10", "9".repeat(30)]) {
    await assertRefused(signInQuery(draft, { expires }), incomplete(/^X-Amz-Expires must be between 1 and 604800/));
  }
});

const at = (seconds: number) => ({ systemNow: () => new Date(now.getTime() + seconds * 1000) });

test("a presigned URL is good to its last second, and then has expired", async () => {
  await assertAccepted(signed, at(600));
  await assertRefused(
    signed,
    invalidSignature(
      "Signature expired: 20261122T102030Z is now earlier than 20261122T102031Z (20261122T103031Z - 10 min.)",
    ),
    at(601),
  );
  await assertRefused(
    signInQuery(draft, { expires: "61" }),
    invalidSignature(/^Signature expired: .* \(20261122T102132Z - 61 s\.\)$/),
    at(62),
  );
  await assertAccepted(signInQuery(draft, { expires: "604800" }), at(604_800));
});

test("a presigned URL is not for a date further ahead than clocks may differ", async () => {
  await assertAccepted(signed, at(-300));
  await assertRefused(signed, invalidSignature(/^Signature not yet current: 20261122T102030Z/), at(-301));
});

test("each parameter must be there, once, and not empty", async () => {
  for (const name of ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"]) {
    const parameter = `X-Amz-${name}`;
    const message = `AWS query-string parameters must include '${parameter}', once.`;
    await assertRefused(
      edited((query) => query.set(parameter, "")),
      incomplete(message),
    );
    await assertRefused(
      edited((query) => query.append(parameter, query.get(parameter) ?? "")),
      incomplete(message),
    );
    await assertRefused(
      edited((query) => query.delete(parameter)),
      incomplete(message),
    );
  }
});

test("another algorithm, an unreadable date and a session token are refused", async () => {
  await assertRefused(
    edited((query) => query.set("X-Amz-Algorithm", "AWS4-HMAC-SHA1")),
    incomplete("Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'."),
  );
  await assertRefused(
    edited((query) => query.set("X-Amz-Date", "2026-11-22")),
    incomplete(/^X-Amz-Date must be of the form/),
  );
  await assertRefused(
    edited((query) => query.set("X-Amz-Security-Token", "abc")),
    { status: 400, code: "UnrecognizedClientException", message: /security token/ },
  );
});

test("any change of a presigned request breaks its signature", async () => {
  const { accessKeyId } = key;
  await assertRefused(
    edited((query) => query.set("X-Amz-Expires", "601")),
    mismatch,
  );
  await assertRefused(
    edited((query) => query.set("X-Amz-Date", "20261122T102031Z")),
    mismatch,
  );
  await assertRefused(
    edited((query) => query.append("limit", "1")),
    mismatch,
  );
  await assertRefused(
    edited((query) => query.append("x-amz-signature", "1")),
    mismatch,
  );
  await assertRefused({ ...signed, path: "/-/vaults/photos2" }, mismatch);
  await assertRefused({ ...signed, method: "HEAD" }, mismatch, { presigned: "all" });
  await assertRefused(
    edited((query) => query.set("X-Amz-Credential", `${accessKeyId}/20261122/us-east-1/s3/aws4_request`)),
    invalidSignature("Credential should be scoped to correct service: 'glacier'. "),
  );
});

test("every x-amz- header of a presigned request must be signed, but for the version of one that reads", async () => {
  await assertAccepted(signInQuery(draft, { signedHeaders: ["host"] }));
  await assertRefused(
    signInQuery({ ...draft, method: "POST" }, { signedHeaders: ["host"] }),
    invalidSignature("There were headers present in the request which were not signed: x-amz-glacier-version"),
    { presigned: "all" },
  );
  await assertRefused(
    signInQuery(draft, { signedHeaders: ["x-amz-glacier-version"] }),
    invalidSignature("There were headers present in the request which were not signed: host"),
  );
  await assertRefused(
    withHeader(signed, "x-amz-date", "20261122T102030Z"),
    invalidSignature("There were headers present in the request which were not signed: x-amz-date"),
  );
});

test("a presigned request may sign the hash of its body in x-amz-content-sha256", async () => {
  const payloadHash = "726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628";
  const request = withHeader({ ...draft, method: "POST" }, "x-amz-content-sha256", payloadHash);
  await assertAccepted(signInQuery(request, { payloadHash }), { payloadHash, presigned: "all" });
  await assertRefused(signInQuery(request), mismatch, { payloadHash, presigned: "all" });
});

test("a presigned request may leave out the x-amz-content-sha256 that it signed, for its value is known", async () => {
  const hashed = withHeader(draft, "x-amz-content-sha256", emptyHash);
  const signedWith = signInQuery(hashed);
  await assertAccepted(signedWith);
  await assertAccepted(withoutHeader(signedWith, "x-amz-content-sha256"));
  const otherHash = emptyHash.replace("e", "f");
  const other = signInQuery(withHeader(draft, "x-amz-content-sha256", otherHash), { payloadHash: otherHash });
  await assertRefused(withoutHeader(other, "x-amz-content-sha256"), mismatch);
});

test("a presigned request has one security token at most, in its query or in a header", async () => {
  const headers = [...draft.headers, ["x-amz-security-token", "abc"] as const];
  const twice = { status: 400, code: "IncompleteSignatureException", message: /more than one security token/ };
  await assertRefused(signInQuery({ ...draft, headers, query: "X-Amz-Security-Token=abc" }), twice);
  await assertRefused(signInQuery({ ...draft, query: "X-Amz-Security-Token=a&X-Amz-Security-Token=b" }), twice);
});
