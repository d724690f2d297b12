import assert from "node:assert/strict";
import { test } from "node:test";
import { readArguments as readRepair } from "../../src/repair/orphans/arguments.ts";
import { readArguments as readVerify } from "../../src/verify/orphans/arguments.ts";

// The flags of moraine verify --orphans and moraine repair --orphans.

const blobs = ["--blobs", "s3://archives/moraine?endpoint=https://s3.example.com"];
const day = 24 * 3600 * 1000;

test("the place is a data folder and its bucket, by flags or the server's variables", () => {
  const given = readVerify(["--orphans", "--data", "data", ...blobs], {});
  assert.deepEqual(given?.metadata, { folder: "data" });
  assert.deepEqual([given?.bucket.name, given?.olderThanMilliseconds], ["s3://archives/moraine", day]);
  const environment = { MORAINE_DATA: "data", MORAINE_BLOBS: blobs[1] };
  assert.deepEqual(readVerify(["--orphans"], environment), given);
  assert.deepEqual(readRepair(["--orphans", "data", ...blobs], {})?.metadata, { folder: "data" });
  assert.deepEqual(readVerify(["--orphans", ...blobs], {})?.metadata, { folder: "moraine-data" });
});

test("the place is a shared database and its bucket, by flags or the nodes' variables", () => {
  const url = "postgres://moraine@one,two/moraine";
  for (const [flags, environment] of [
    [["--database", url], {}],
    [[], { MORAINE_DATABASE: url }],
  ] as const) {
    for (const read of [readVerify, readRepair]) {
      const given = read(["--orphans", ...flags, ...blobs], environment);
      assert.ok(given !== null && "database" in given.metadata);
      assert.equal(given.metadata.database.name, "postgres://one,two/moraine");
    }
  }
});

test("refuses places and ages that it cannot judge by", () => {
  for (const [args, message] of [
    [[], /It needs the bucket: give --blobs/],
    [["--blobs", "folder"], /It needs the bucket: give --blobs/],
    [["--blobs", "s3://b"], /Invalid place "s3:\/\/b"/],
    [["--blobs", "s3://archives?endpoint=http://s3.example.com"], /neither https nor loopback: give --insecure/],
    [[...blobs, "--older-than", "14m"], /Invalid --older-than "14m": expected 15m or more/],
    [[...blobs, "--older-than", "0"], /Invalid --older-than "0": expected 15m or more/],
    [[...blobs, "--older-than", "soon"], /Invalid --older-than "soon": expected a time like/],
    [[...blobs, "--database", "mysql://h/d"], /Invalid --database: expected postgres:/],
  ] as const) {
    assert.throws(() => readVerify(["--orphans", ...args], {}), message);
    assert.throws(() => readRepair(["--orphans", ...args], {}), message);
  }
  const both = ["--database", "postgres://h/d", ...blobs];
  assert.throws(() => readVerify(["--orphans", ...both, "--data", "data"], {}), /exclude each other/);
  assert.throws(() => readRepair(["--orphans", ...both, "data"], {}), /exclude each other/);
  assert.throws(() => readVerify(["--orphans", "--deep", ...blobs], {}), /Unknown option '--deep'/);
  const insecure = ["--orphans", "--blobs", "s3://archives?endpoint=http://s3.example.com", "--insecure"];
  assert.notEqual(readVerify(insecure, {}), null);
  assert.equal(readVerify(["--orphans", ...blobs, "--older-than", "15m"], {})?.olderThanMilliseconds, day / 96);
});

test("the time of the last restore is one in UTC, or never", () => {
  const restored = (...more: string[]) => readRepair(["--orphans", ...blobs, ...more], {})?.restored;
  assert.equal(restored(), null);
  assert.equal(restored("--restored", "never"), "never");
  assert.equal(restored("--restored", "2026-11-29T12:00:00Z"), Date.UTC(2026, 10, 29, 12));
  for (const text of ["", "yes", "2026-11-29", "2026-11-29T12:00:00", "2026-13-29T12:00:00Z"]) {
    assert.throws(() => restored("--restored", text), /Invalid --restored ".*": expected a time in UTC like/);
  }
  const ofNodes = ["--orphans", "--apply", "--database", "postgres://h/d", ...blobs];
  assert.throws(() => readRepair(ofNodes, {}), /It needs the sealing key of the nodes/);
  assert.equal(readRepair([...ofNodes, "--sealing-key", "key"], {})?.isApplied, true);
});
