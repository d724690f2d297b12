import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { emptyDatabase, type MetadataRun, runOnFailingDisk } from "./support/disk-rig/metadata-run.ts";
import type { DiskCall, FaultRule } from "./support/disk-rig/rig.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A process changes metadata while one call on SQLite's files fails: the first, the second, and so on until none is left to fail.
// Its restart, and a restart after a power cut at its end, must show every change that it reported, and none that it refused.

const pointsMax = 100;
const processesMax = 2;
/** The file without a name by which the server finds out whether a quota is exhausted. */
const probe: FaultRule = { call: "write", pattern: "*/data/#*", outcome: "EDQUOT" };

const stops = ({ code }: MetadataRun) => code === 3 || code === 1;
const closes = ({ code, full }: MetadataRun) => code === 0 && full.length === 0;
const refusesOneRound = ({ code, kept, full }: MetadataRun) => code === 0 && kept.length === 2 && full.length === 2;
const refusesToOpen = ({ code, kept }: MetadataRun) => code === 1 && kept.length === 0;
/** Another connection may make the file after the first one failed to. */
const refusesOrRecovers = (run: MetadataRun) => refusesToOpen(run) || closes(run);

interface Case {
  readonly call: DiskCall;
  readonly file: string;
  readonly outcome: FaultRule["outcome"];
  readonly expected: (run: MetadataRun) => boolean;
  /** The fewest calls that there are to fail. */
  readonly callsMin: number;
}

const cases: ReadonlyArray<readonly [string, Case]> = [
  ["stops the service: EIO in a write of the log", on("write", "moraine.db-wal", "EIO", stops, 10)],
  [
    "refuses that change alone: ENOSPC in a write of the log",
    on("write", "moraine.db-wal", "ENOSPC", refusesOneRound, 10),
  ],
  [
    "refuses that change alone: EDQUOT in a write of the log",
    on("write", "moraine.db-wal", "EDQUOT", refusesOneRound, 10),
  ],
  ["stops the service: EIO in a sync of the log", on("sync", "moraine.db-wal", "EIO", stops, 6)],
  ["stops the service: ENOSPC in a sync of the log", on("sync", "moraine.db-wal", "ENOSPC", stops, 6)],
  ["stops the service: EIO in a truncation of the log", on("truncate", "moraine.db-wal", "EIO", stops, 1)],
  ["stops the service: EIO in a checkpoint's write", on("write", "moraine.db", "EIO", stops, 6)],
  ["delays a checkpoint: ENOSPC in its write", on("write", "moraine.db", "ENOSPC", closes, 6)],
  ["delays a checkpoint: EDQUOT in its write", on("write", "moraine.db", "EDQUOT", closes, 6)],
  ["stops the service: EIO in a checkpoint's sync", on("sync", "moraine.db", "EIO", stops, 2)],
  ["stops the service: ENOSPC in a checkpoint's sync", on("sync", "moraine.db", "ENOSPC", stops, 2)],
  ["stops the service: EIO in a checkpoint's truncation", on("truncate", "moraine.db", "EIO", stops, 1)],
  [
    "prevents a start, or nothing: EIO when the log is made",
    on("create", "moraine.db-wal", "EIO", refusesOrRecovers, 1),
  ],
  [
    "prevents a start, or nothing: ENOSPC in a write of the log's index",
    on("write", "moraine.db-shm", "ENOSPC", refusesOrRecovers, 1),
  ],
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

before(async () => {
  folder = await temporaryFolder();
  await emptyDatabase(join(folder.path, "empty.db"));
});
after(() => folder[Symbol.asyncDispose]());

for (const [name, { call, file, outcome, expected, callsMin }] of cases) {
  test(name, async (t) => {
    const failures = await failEachCall({ call, pattern: `*/${file}`, count: 1, outcome }, expected);
    assert.ok(failures >= callsMin, `only ${failures} calls could fail`);
    t.diagnostic(`${failures} calls`);
  });
}

test("keeps what it acknowledges: EIO in any sync of the folder while a database is made", async () => {
  const failures = await failEachCall(
    { call: "sync", pattern: "*/data", count: 1, outcome: "EIO" },
    refusesOrRecovers,
    null,
  );
  assert.ok(failures >= 3, `only ${failures} calls could fail`);
});

function on(
  call: DiskCall,
  file: string,
  outcome: FaultRule["outcome"],
  expected: Case["expected"],
  callsMin: number,
): Case {
  return { call, file, outcome, expected, callsMin };
}

/** Resolves to how many calls there were to fail. */
async function failEachCall(
  rule: FaultRule,
  expected: Case["expected"],
  database: string | null = join(folder.path, "empty.db"),
): Promise<number> {
  let failures = 0;
  let next = 1;
  const worker = async () => {
    while (next < pointsMax) {
      const first = next;
      next += 1;
      const rules = rule.outcome === "EDQUOT" ? [{ ...rule, first }, probe] : [{ ...rule, first }];
      const run = await runOnFailingDisk(database, 2, ...rules);
      assert.deepEqual(run.broken, [], `call ${first}: ${run.output}`);
      if (run.faults === 0) {
        return;
      }
      assert.ok(expected(run), `call ${first}: code ${run.code}, ${run.output}`);
      failures += 1;
    }
  };
  await Promise.all(Array.from({ length: processesMax }, worker));
  return failures;
}
