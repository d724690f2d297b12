import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { FullDiskLog } from "../../src/telemetry/full-disk-log.ts";

test("a full disk writes one line a minute, without a stack, that counts what it refused since the last", () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let now = 0;
  const fullDisk = new FullDiskLog(
    log,
    () => "read-only: disk full",
    () => now,
  );
  for (let count = 0; count < 57; count += 1) {
    fullDisk.refused("UploadArchive", { requestId: `${count}` });
    now += 1000;
  }
  now = 60_000;
  fullDisk.refused("sweeping segments");
  assert.deepEqual(lines, [
    { level: 50, msg: "read-only: disk full", refused: "UploadArchive", refusals: 1, requestId: "0" },
    { level: 50, msg: "read-only: disk full", refused: "sweeping segments", refusals: 57 },
  ]);
});
