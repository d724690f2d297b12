import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonError, parseStrictJson } from "../../src/domain/strict-json.ts";

test("an object that has one meaning is read", () => {
  for (const text of ["{}", ' {"a" : [{"a":1},{"a":2}]} ', '{"a":"\\"{[","\\u0062":1}', '{"constructor":1}']) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  }
});

test("a value that is no object, or has two meanings, is refused with the end of a sentence", () => {
  for (const [text, reason] of [
    ["", "is not valid JSON"],
    ["{", "is not valid JSON"],
    ["[]", "must be a JSON object"],
    ["null", "must be a JSON object"],
    ['{"a":1,"\\u0061":2}', "has a key that is not allowed, or stands twice: a"],
    ['{"a":{"__proto__":1}}', "has a key that is not allowed, or stands twice: __proto__"],
    [`{"a":${"[".repeat(32)}${"]".repeat(32)}}`, "is nested deeper than 32"],
  ] as const) {
    assert.throws(() => parseStrictJson(text), new JsonError(reason));
  }
});

test("more values than allowed are refused before they are read, and what stands in strings does not count", () => {
  const allowed = 1000;
  const list = (count: number) => `{"a":[${Array(count).fill("1").join(",")}]}`;
  assert.ok(parseStrictJson(list(900), allowed));
  assert.ok(parseStrictJson(JSON.stringify({ a: `${list(5000)}\\"` }), allowed));
  assert.ok(parseStrictJson(list(5000)));
  const refused = { name: "JsonError", message: "has more than 1000 values" };
  for (const text of [
    list(1001),
    `{"a":[${Array(600).fill("{}").join(",")}]}`,
    `{"a":"\\"","b":[${Array(1001).fill('""').join(",")}]}`,
    "[".repeat(2000),
    ",".repeat(2000),
  ]) {
    assert.throws(() => parseStrictJson(text, allowed), refused);
  }
  assert.throws(() => parseStrictJson(`{"a":"${"x".repeat(2000)}`, allowed), { message: "is not valid JSON" });
});
