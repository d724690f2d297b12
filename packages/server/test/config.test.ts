import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { readConfig, usage } from "../src/config.ts";
import { UsageError } from "../src/settings/given-settings.ts";

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

test("an error names the flag, the variable or the file that was set, and its value", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "settings.json");
  await writeFile(file, '{ "standard-delay": "soon" }', { mode: 0o600 });
  const failures: readonly (readonly [readonly string[], NodeJS.ProcessEnv, string])[] = [
    [["--standard-delay", "soon"], {}, '--standard-delay: must be a duration like 90s, 15m, 4h or 2d, not "soon"'],
    [
      [],
      { MORAINE_STANDARD_DELAY: "4 h" },
      'MORAINE_STANDARD_DELAY: must be a duration like 90s, 15m, 4h or 2d, not "4 h"',
    ],
    [["--config", file], {}, `${file}: standard-delay: must be a duration like 90s, 15m, 4h or 2d, not "soon"`],
    [[], { MORAINE_LISTEN: "0.0.0.0:1" }, "MORAINE_LISTEN: 0.0.0.0 is not loopback: give --tls-cert"],
    [[], { MORAINE_METRICS_LISTEN: "0.0.0.0:1" }, "MORAINE_METRICS_LISTEN: 0.0.0.0 is not loopback"],
    [[], { MORAINE_FAULT: "x" }, "MORAINE_FAULT corrupts responses"],
    [[], { MORAINE_FAULT: "x", MORAINE_ALLOW_FAULTS: "true" }, "MORAINE_FAULT: "],
    [[], { MORAINE_ROOT_SECRET_ACCESS_KEY: "short" }, "MORAINE_ROOT_SECRET_ACCESS_KEY: must be at least 16 characters"],
    [["--nonsense"], {}, "Unknown option '--nonsense'"],
    [["serve"], {}, "Unexpected argument 'serve'"],
  ];
  for (const [args, environment, message] of failures) {
    assert.throws(
      () => read(args, environment),
      (error) => {
        assert.ok(error instanceof UsageError && error.message.startsWith(message), String(error));
        assert.doesNotMatch(error.message, /, not "short"|\n|positional argument starting/);
        return true;
      },
    );
  }
});

test("sizes and durations have the command's syntax, and a plain number counts as before", () => {
  const flags = ["--deleted-grace", "2h", "--standard-delay", "90", "--free-tier-bytes", "1.5GiB"];
  const config = read([...flags, "--audit-days", "30d", "--audit-anchor-minutes", "1h"]);
  assert.equal(config?.deletedGraceSeconds, 7200);
  assert.equal(config?.delays.standardSeconds, 90);
  assert.equal(config?.freeTierBytes, 1.5 * 1024 ** 3);
  assert.deepEqual([config?.audit.keptDays, config?.audit.anchorMinutes], [30, 60]);
  const plain = read(["--audit-days", "7", "--audit-anchor-minutes", "5", "--free-tier-bytes", "1000"]);
  assert.deepEqual([plain?.audit.keptDays, plain?.audit.anchorMinutes, plain?.freeTierBytes], [7, 5, 1000]);
  const defaults = read([]);
  assert.deepEqual(
    [defaults?.deletedGraceSeconds, defaults?.freeTierBytes, defaults?.audit.keptDays, defaults?.audit.anchorMinutes],
    [86_400, 10 * 1024 ** 3, 400, 15],
  );
  for (const [flag, text] of [
    ["--audit-days", "36h"],
    ["--audit-days", "0"],
    ["--scrub-period", "0"],
    ["--scrub-period", "91d"],
    ["--scrub-period", "12h"],
    ["--audit-anchor-minutes", "90s"],
    ["--free-tier-bytes", "10G"],
    ["--deleted-grace", "99999999d"],
  ] as const) {
    assert.throws(() => read([flag, text]), UsageError, `${flag} ${text}`);
  }
});

test("--blobs takes the URL of a bucket, and nothing that would be another place than meant", () => {
  const url = "s3://archives/moraine?endpoint=https%3A%2F%2Fs3.example.com&region=eu-central-1";
  const { name, endpoint, region } = read(["--blobs", url])?.blobs ?? {};
  assert.deepEqual([name, endpoint, region], ["s3://archives/moraine", "https://s3.example.com", "eu-central-1"]);
  assert.equal(read([])?.blobs, null);
  const coldOf = (settings: string) => read(["--blobs", `s3://archives?${settings}`])?.blobs?.cold;
  const day = 24 * 3600 * 1000;
  assert.deepEqual(coldOf("storage-class=DEEP_ARCHIVE&cold-after=30d"), {
    storageClass: "DEEP_ARCHIVE",
    afterMilliseconds: 30 * day,
  });
  assert.deepEqual(coldOf("storage-class=GLACIER_IR"), { storageClass: "GLACIER_IR", afterMilliseconds: 0 });
  assert.equal(coldOf("region=eu-central-1"), null);
  assert.ok(read(["--blobs", "s3://archives?endpoint=http://127.0.0.1:9000"])?.blobs);
  assert.ok(read(["--blobs", "s3://archives?endpoint=http://10.0.0.1:9000", "--insecure"])?.blobs);
  for (const [flags, message] of [
    [["./folder"], /^--blobs: must be s3:.* not "\.\/folder"$/],
    [["https://archives"], /^--blobs: Invalid place/],
    [["s3://archives?storage=cold"], /^--blobs: Unknown setting "storage"/],
    [
      ["s3://archives?cold-after=30d"],
      /^--blobs: cold-after=30d needs storage-class, e\.g\. storage-class=DEEP_ARCHIVE$/,
    ],
    [
      ["s3://archives?storage-class=COLD"],
      /^--blobs: Unknown storage-class "COLD": expected DEEP_ARCHIVE, GLACIER, .* or STANDARD_IA$/,
    ],
    [
      ["s3://archives?storage-class=GLACIER&cold-after=soon"],
      /^--blobs: Invalid cold-after "soon": expected a time like 30d or 12h; 0 moves/,
    ],
    [["s3://archives?endpoint=http://10.0.0.1:9000"], /^--blobs: .* is neither https nor loopback: give --insecure/],
    [["s3://archives", "--mirror", "/mnt/mirror"], /^--blobs: a bucket has no --mirror/],
    [["s3://archives", "--ephemeral"], /^--blobs: .* not for --ephemeral/],
  ] as const) {
    const isRight = (error: unknown) => error instanceof UsageError && message.test(error.message);
    assert.throws(() => read(["--blobs", ...flags]), isRight, flags.join(" "));
  }
});

for (const columns of [80, 40]) {
  test(`help fits a terminal of ${columns} columns, and has every setting`, () => {
    const lines = usage(columns).split("\n");
    assert.deepEqual(
      lines.filter((line) => line.length > columns && line.trim().includes(" ")),
      [],
    );
    assert.deepEqual(usage(columns).match(/MORAINE_\w+/g)?.length, usage(undefined).match(/MORAINE_\w+/g)?.length);
  });
}
