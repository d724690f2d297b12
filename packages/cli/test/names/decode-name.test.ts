import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeName } from "../../src/names/decode-name.ts";

const base64url = (text: string) => Buffer.from(text).toString("base64url");

test("decodes mt2 of mt-aws-glacier", () => {
  const json = '{"filename":"фото/a.txt","mtime":"20121227T101112Z"}';
  assert.deepEqual(decodeName(`mt2 ${base64url(json)}`), {
    format: "mt2",
    path: "фото/a.txt",
    modifiedAt: new Date("2012-12-27T10:11:12Z"),
    notes: [],
    sizeBytes: null,
  });
});

test("decodes mt1 of mt-aws-glacier, which encoded UTF-8 twice", () => {
  const twice = Buffer.from('{"mtime":"20121227T101112Z","filename":"фото/a.txt"}').toString("latin1");
  const { format, path } = decodeName(`mt1 ${base64url(twice)}`);
  assert.deepEqual({ format, path }, { format: "mt1", path: "фото/a.txt" });
});

test("decodes a path in JSON, whatever the case of its field", () => {
  for (const field of ["Path", "path", "FilePath", "filename"]) {
    const { format, path } = decodeName(JSON.stringify({ [field]: "a/b.txt" }));
    assert.deepEqual({ format, path }, { format: "json-path", path: "a/b.txt" });
  }
});

test("takes any other description for a path, and none for no name", () => {
  assert.deepEqual(decodeName(" photos\\2014.zip "), {
    format: "text",
    path: "photos/2014.zip",
    modifiedAt: null,
    notes: [],
    sizeBytes: null,
  });
  for (const description of ["", "   ", "\n"]) {
    assert.equal(decodeName(description).format, "none");
    assert.equal(decodeName(description).path, "");
  }
});
