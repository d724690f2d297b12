import assert from "node:assert/strict";
import { test } from "node:test";
import { idLengths } from "@moraine/protocol";
import { newArchiveId, newRequestId } from "../../src/domain/new-id.ts";

test("ids have their length, use every character, and never repeat", () => {
  const ids = Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? newArchiveId() : newRequestId()));
  for (const [index, id] of ids.entries()) {
    assert.equal(id.length, index % 2 === 0 ? idLengths.archive : idLengths.request);
  }
  assert.equal(new Set(ids).size, ids.length);
  // Parts that two ids share would be found here: ids are made from random bytes fetched many at a time.
  assert.equal(new Set(ids.flatMap((id) => [id.slice(0, 20), id.slice(-20)])).size, 2 * ids.length);
  const characters = new Set(ids.join(""));
  assert.equal(characters.size, 64);
  assert.match([...characters].join(""), /^[A-Za-z0-9_-]+$/);
});
