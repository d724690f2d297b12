import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CreateSessionOutput, ListUsersOutput } from "@moraine/protocol";
import { demand, makeUser } from "../support/admin.ts";
import { assertError } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import type { RequestOptions } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const form = "Action=GetCallerIdentity&Version=2011-06-15";
const ask = (more: Partial<RequestOptions> = {}) =>
  server.client.send({
    method: "POST",
    path: "/",
    service: "sts",
    body: form,
    ...more,
    headers: {
      "content-type": "application/x-www-form-urlencoded; charset=utf-8",
      "x-amz-glacier-version": undefined,
      ...more.headers,
    },
  });
const xml = (content: string) => new RegExp(`^<${content.replaceAll("{id}", "[A-Za-z0-9_-]{48}")}\n$`);
const identity = (arn: string, userId: string) =>
  xml(
    'GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
      `<Arn>${arn}</Arn><UserId>${userId}</UserId><Account>${accountId}</Account></GetCallerIdentityResult>` +
      "<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
  );
const refusal = (code: string, message: string) =>
  xml(
    'ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>' +
      `<Code>${code}</Code><Message>${message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>`,
  );
const rootArn = `arn:aws:iam::${accountId}:root`;

test("a root's key gets its account, as XML, and the id of the request", async () => {
  const answer = await ask();
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["content-type"], "text/xml");
  assert.equal(answer.headers["content-length"], String(answer.body.length));
  assert.match(answer.text, identity(rootArn, accountId));
  assert.ok(answer.text.includes(`<RequestId>${answer.headers["x-amzn-requestid"]}<`));
  assert.equal(server.records.at(-1)?.operation, "GetCallerIdentity");
});

test("a client that accepts JSON gets JSON", async () => {
  const answer = await ask({ headers: { accept: "application/json" } });
  assert.equal(answer.headers["content-type"], "application/json");
  assert.deepEqual(answer.json(), {
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: { Account: accountId, Arn: rootArn, UserId: accountId },
      ResponseMetadata: { RequestId: answer.headers["x-amzn-requestid"] },
    },
  });
});

test("a user and a session of one get the user, without any permission", async () => {
  const key = await makeUser(server, "carol");
  const { Users } = await demand<ListUsersOutput>(server, "ListUsers");
  const userId = Users.find(({ UserName }) => UserName === "carol")?.UserId ?? "";
  const arn = `arn:aws:iam::${accountId}:user/carol`;
  assert.match((await ask({ key })).text, identity(arn, userId));
  const session = await demand<CreateSessionOutput>(server, "CreateSession", {
    members: { userName: "carol" },
    body: {},
  });
  const temporary = {
    accessKeyId: session.AccessKeyId,
    secretAccessKey: session.SecretAccessKey,
    sessionToken: session.SessionToken,
  };
  assert.match((await ask({ key: temporary })).text, identity(arn, userId));
});

test("parameters may stand in the query, and the region may be that of the endpoint for all regions", async () => {
  const inQuery = { method: "GET", path: `/?${form}`, region: "us-east-1" };
  const { body: _body, ...options } = { body: undefined, ...inQuery };
  const answer = await server.client.send({
    ...options,
    service: "sts",
    headers: { "x-amz-glacier-version": undefined },
  });
  assert.match(answer.text, identity(rootArn, accountId));
});

test("other actions, other versions and doubled parameters are refused", async () => {
  for (const [body, named, version] of [
    ["Action=AssumeRole&Version=2011-06-15", "AssumeRole", "2011-06-15"],
    ["Action=GetCallerIdentity&Version=2010-01-01", "GetCallerIdentity", "2010-01-01"],
    ["Action=GetCallerIdentity", "GetCallerIdentity", "NO_VERSION_SPECIFIED"],
    [`${form}&Action=AssumeRole`, "undefined", "2011-06-15"],
    ["", "undefined", "NO_VERSION_SPECIFIED"],
  ] as const) {
    const answer = await ask({ body });
    assert.equal(answer.status, 400);
    assert.match(answer.text, refusal("InvalidAction", `Could not find operation ${named} for version ${version}`));
  }
});

test("refusals have the codes and statuses of STS, and their text is escaped", async () => {
  const other = { accessKeyId: "AKIAI44QH8DHBEXAMPLE", secretAccessKey: "x".repeat(40) };
  const unknown = await ask({ key: other });
  assert.equal(unknown.status, 403);
  assert.match(
    unknown.text,
    refusal("InvalidClientTokenId", "The security token included in the request is invalid\\."),
  );
  const wrong = await ask({ key: { ...server.key, secretAccessKey: "x" }, headers: { "x-amz-a": "<&>" } });
  assert.equal(wrong.status, 403);
  assert.match(wrong.text, /<Code>SignatureDoesNotMatch<\/Code>.*\nx-amz-a:&lt;&amp;&gt;\n/s);
  const expired = await ask({ signedAt: new Date(Date.now() - 3_600_000), headers: { accept: "application/json" } });
  const { Error: error } = expired.json<{ Error: { Code: string; Message: string; Type: string } }>();
  assert.equal(error.Code, "SignatureDoesNotMatch");
  assert.equal(error.Type, "Sender");
  assert.match(error.Message, /^Signature expired: /);
});

test("a refusal cuts what it repeats of a request, so that its body has at most 8 KiB however it is escaped", async () => {
  const wrong = { ...server.key, secretAccessKey: "x" };
  for (const text of ["&".repeat(9000), "<>".repeat(4000), '"\\'.repeat(4000), "é".repeat(4000)]) {
    for (const accept of ["text/xml", "application/json"]) {
      const headers = { "x-amz-a": Buffer.from(text).toString("latin1"), accept };
      const answer = await ask({ key: wrong, headers });
      assert.equal(answer.status, 403);
      assert.ok(answer.body.length <= 8192, `${answer.body.length} bytes`);
      assert.match(answer.text, /The String-to-Sign should have been(\\n|\n)'AWS4-HMAC-SHA256/);
    }
    const path = `/?Action=${encodeURIComponent(text.slice(0, 1200))}&Version=2011-06-15`;
    const options = { method: "GET", path, service: "sts", headers: { "x-amz-glacier-version": undefined } };
    const unknown = await server.client.send(options);
    assert.equal(unknown.status, 400);
    assert.ok(unknown.body.length <= 8192, `${unknown.body.length} bytes`);
    assert.match(unknown.text, /Could not find operation .+… for version 2011-06-15/s);
  }
});

test("a body is bounded", async () => {
  const answer = await ask({ body: `${form}&${"x".repeat(4096)}` });
  assert.equal(answer.status, 400);
  assert.match(answer.text, /<Message>The body of this request must not be longer than 4096 bytes<\/Message>/);
});

test("a signature for STS opens no vault, and one for vaults not STS", async () => {
  const message = "Credential should be scoped to correct service: 'glacier'. ";
  const vaults = await server.client.send({ method: "GET", path: "/-/vaults", service: "sts" });
  assertError(vaults, { status: 403, code: "InvalidSignatureException", message });
  const answer = await ask({ service: "glacier" });
  assertError(answer, { status: 400, code: "BadRequest", message: /^No operation has this method and path: POST \/$/ });
});
