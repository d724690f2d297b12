import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { missingEngine, startEngine } from "../support/engines/engine.ts";
import { repositoryRoot } from "../support/server-process.ts";

// Each server of these tests becomes two nodes that share a database, and get the requests in turn.

const suites = ["operations", "admin", "worm", "audit", "auth"];

for (const suite of suites) {
  test(`tests of ${suite} pass with two nodes in turn`, { skip: missingEngine("postgres") }, async (context) => {
    // Their data is worth nothing: without syncs they take half the time.
    await using engine = await startEngine("postgres", { PG_FAST: "1" });
    const files = globSync(`packages/server/test/${suite}/*.test.ts`, { cwd: repositoryRoot });
    const options = [
      "--conditions=@moraine/source",
      "--test",
      "--test-concurrency=2",
      "--test-timeout=300000",
      "--test-reporter=tap",
    ];
    const child = spawn(process.execPath, [...options, ...files.sort()], {
      cwd: repositoryRoot,
      stdio: ["ignore", "pipe", "inherit"],
      signal: context.signal,
      // A run of tests within a test would report to the outer one.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, MORAINE_TEST_DATABASE: engine.variables["DATABASE_URL"] },
    });
    const ended = once(child, "close");
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
    }
    const [code] = await ended;
    const count = (name: string) => Number(lines.findLast((line) => line.startsWith(`# ${name} `))?.split(" ")[2]);
    context.diagnostic(`${count("pass")} of ${count("tests")} tests passed`);
    assert.equal(code, 0, lines.filter((line) => /^ *not ok/.test(line)).join("\n"));
    assert.ok(count("pass") > 0 && count("pass") === count("tests"));
  });
}
