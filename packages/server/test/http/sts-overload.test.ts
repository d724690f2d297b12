import assert from "node:assert/strict";
import { test } from "node:test";
import { createVault, randomContent } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";
import { openSocket, readAnswer } from "./raw-socket.ts";
import { eventually, send, uploadHead } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";
import { startingClient } from "./starting-client.ts";

// Refusals for overload, in the form and with the status that clients of STS know.

const form = "Action=GetCallerIdentity&Version=2011-06-15";
const call = {
  ...{ method: "POST", path: "/", service: "sts", body: form },
  headers: { "content-type": "application/x-www-form-urlencoded", "x-amz-glacier-version": undefined },
};
const refusal = (message: string) =>
  new RegExp(
    '^<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Receiver</Type>' +
      `<Code>ServiceUnavailable</Code><Message>${message}</Message></Error>` +
      "<RequestId>[A-Za-z0-9_-]{48}</RequestId></ErrorResponse>\n$",
  );

test("a call without memory for its body gets 503 with Retry-After, as XML or as JSON, and is not logged", async (t) => {
  const server = await startTestServer({ limits: { bufferedBytesMax: form.length - 1 } });
  t.after(() => server.stop());
  const message = "The bodies of requests take too much memory at the moment. Try again later.";
  const answer = await server.client.send(call);
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "1"]);
  assert.equal(answer.headers["content-type"], "text/xml");
  assert.equal(answer.headers["content-length"], String(answer.body.length));
  assert.match(answer.text, refusal(message));
  const json = await server.client.send({ ...call, headers: { ...call.headers, accept: "application/json" } });
  assert.deepEqual([json.status, json.headers["retry-after"]], [503, "1"]);
  assert.deepEqual(json.json(), {
    Error: { Type: "Receiver", Code: "ServiceUnavailable", Message: message },
    RequestId: json.headers["x-amzn-requestid"],
  });
  assert.deepEqual(
    server.records.map(({ status, error }) => [status, error]),
    [
      [503, null],
      [503, null],
    ],
  );
});

test("a call to a service that is starting gets 503 with Retry-After", async (t) => {
  const client = await startingClient(t);
  const answer = await client.send(call);
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "1"]);
  assert.match(answer.text, refusal("The service is starting. Try again later."));
});

test("a call on a connection for which there is no room gets 503 with Retry-After, and the connection is closed", async (t) => {
  const server = await startTestServer({ limits: { connectionsMax: 1 } });
  t.after(() => server.stop());
  await createVault(server, "photos");
  server.client.close();
  const busy = await openSocket(server.port);
  t.after(() => busy.destroy());
  await send(busy, uploadHead(server, randomContent(1000)));
  assert.ok(await eventually(() => server.parts.intents.count === 1));
  const newcomer = await openSocket(server.port);
  newcomer.write(textOf(signedText(server, { method: "GET", path: `/?${form}`, service: "sts" })));
  const answer = await readAnswer(newcomer);
  assert.equal(answer.status, 503);
  assert.deepEqual([answer.headers.get("retry-after"), answer.headers.get("connection")], ["1", "close"]);
  const message = "The service has no room for more connections at the moment. Try again later.";
  assert.match(answer.text, refusal(message));
});
