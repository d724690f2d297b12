import assert from "node:assert/strict";
import type { RawAnswer } from "../http/raw-socket.ts";

/** Refused before anything was looked at: the form of an error, and one of the codes that say so. */
export function assertDenied(answer: RawAnswer, what: string): void {
  const where = `${what}: ${answer.text}`;
  assert.ok(answer.status === 400 || answer.status === 403, where);
  assert.deepEqual(Object.keys(answer.json() ?? {}), ["code", "message", "type"], where);
  const { code = "", message = "" } = answer.json() ?? {};
  assert.ok(codes.test(code) || texts.test(message), where);
}

const codes =
  /^(InvalidSignature|IncompleteSignature|MissingAuthenticationToken|UnrecognizedClient|MissingParameterValue)Exception$|^BadRequest$/;
/** Two operations share the path of tags: without their parameter there is none to authenticate for. The admin API has no URLs. */
const texts = /^Invalid operation: |^Presigned URLs are not accepted for this request$/;
