import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig, UsageError } from "../src/config.ts";

const read = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) => readConfig(args, environment, "/base");

for (const [hosts, isLoopback] of [
  [["127.0.0.1", "127.255.0.9", "[::1]", "localhost", "LOCALHOST"], true],
  [
    ["127.0.0.1.evil.example", "127.evil.example", "127.1", "localhost.evil.example", "0.0.0.0", "[::]", "[::2]"],
    false,
  ],
] as const) {
  test(`plain HTTP is ${isLoopback ? "served and used" : "neither served nor used"} at ${hosts.join(", ")}`, () => {
    for (const host of hosts) {
      const listen = () => read(["--listen", `${host}:8484`]);
      const publish = () => read(["--sns-endpoint", `http://${host}:9911`]);
      if (isLoopback) {
        assert.ok(listen() && publish(), host);
        continue;
      }
      assert.throws(listen, /^UsageError: .*is not loopback/, host);
      // The URL's own reading makes an address of 127.1.
      if (host !== "127.1") {
        assert.throws(publish, UsageError, host);
      }
    }
  });
}
