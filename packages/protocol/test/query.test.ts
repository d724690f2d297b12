import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GlacierError, parseQuery, uriEncode } from "../src/index.ts";

test("a query's parameters are decoded once, and come in their order", () => {
  assert.deepEqual(parseQuery("marker=arn%3Aaws&limit=&marker=%2525&completed"), [
    ["marker", "arn:aws"],
    ["limit", ""],
    ["marker", "%25"],
    ["completed", ""],
  ]);
});

test("a plus sign is a plus sign, as it is in what gets signed", () => {
  assert.deepEqual(parseQuery("marker=a+b%2Bc"), [["marker", "a+b+c"]]);
});

test("an empty query has no parameters", () => {
  assert.deepEqual(parseQuery(""), []);
});

test("a query that is not percent-encoded UTF-8 is refused", () => {
  for (const query of ["marker=%", "marker=%zz", "%ff=1", "marker=%c3%28"]) {
    assert.throws(
      () => parseQuery(query),
      (error) => error instanceof GlacierError && error.code === "BadRequest",
      query,
    );
  }
});

test("any encoded string is decoded again", () => {
  const parameter = fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(fc.array(parameter, { minLength: 1 }), (parameters) => {
      const query = parameters.map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`).join("&");
      assert.deepEqual(parseQuery(query), parameters);
    }),
  );
});
