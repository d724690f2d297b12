import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type LockFile, lockFileFaults } from "../packing/lock-file.ts";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as LockFile;

test("every package has its hash and a permissive licence, runs nothing when installed, and names no registry", () => {
  assert.deepEqual(lockFileFaults(lock), []);
  assert.ok(Object.keys(lock.packages).length > 200);
});

test("Node's platforms are in the lock file, with their hashes", () => {
  for (const platform of ["linux-x64", "linux-arm64"]) {
    assert.match(lock.packages[`node_modules/node-${platform}`]?.integrity ?? "", /^sha512-/, platform);
  }
});

for (const [change, fault] of [
  [{ integrity: undefined }, /^node_modules\/pino: its integrity is no SHA-512/],
  [{ integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, /its integrity is no SHA-512: sha1/],
  [{ resolved: "https://registry.example/pino/-/pino-1.tgz" }, /it is taken from https:\/\/registry\.example/],
  [{ resolved: "git+ssh://git@example.org/pino.git#abc" }, /it is taken from git\+ssh/],
  [{ link: true, resolved: "../elsewhere" }, /it is a link to \.\.\/elsewhere/],
  [{ license: "GPL-3.0-only" }, /its licence is not on the list: GPL-3\.0-only/],
  [{ license: undefined }, /its licence is not on the list/],
  [{ hasInstallScript: true }, /it runs a script when it is installed/],
  [{ version: undefined }, /it has no version/],
] as const) {
  test(`a lock file is refused in which a package has ${described(change)}`, () => {
    const changed = { ...lock.packages, "node_modules/pino": { ...lock.packages["node_modules/pino"], ...change } };
    const [first, ...others] = lockFileFaults({ packages: changed as LockFile["packages"] });
    assert.match(first ?? "", fault);
    assert.deepEqual(others, []);
  });
}

function described(change: object): string {
  return Object.entries(change)
    .map(([name, value]) => (value === undefined ? `no ${name}` : `${name} ${value}`))
    .join(", ");
}

test("the lock file of the foreign SDK has no fault but an install script, which nobody runs, and a licence in an old form", () => {
  const text = readFileSync(new URL("./clients/aws-sdk-2/package-lock.json", import.meta.url), "utf8");
  const faults = lockFileFaults(JSON.parse(text) as LockFile);
  assert.deepEqual(faults, [
    "node_modules/aws-sdk: it runs a script when it is installed",
    // Its manifest has `licenses`, an array: MIT.
    "node_modules/querystring: its licence is not on the list: undefined",
  ]);
  const ci = readFileSync(new URL("../.ci/run", import.meta.url), "utf8");
  assert.match(ci, /npm ci --prefix test\/clients\/aws-sdk-2 --ignore-scripts /);
});
