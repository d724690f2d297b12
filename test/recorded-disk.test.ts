import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runRecordedDisk } from "./rigs/recorded-disk/run.ts";
import { whyUnusable } from "./rigs/recorded-disk/usable.ts";
import { endingOf, repositoryRoot } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A sample of what `npm run rigs` does at every flush.

const seed = 1;
const program = join(repositoryRoot, "test/rigs/main.ts");
/** Many more states than are examined before the deadline below. */
const longUnit = {
  ...{ rig: "recorded-disk", fileSystem: "ext4", layout: "database apart" },
  ...{ scenario: "several archives", seed, count: 1000 },
};
const unusable = (await whyUnusable("ext4")) ?? false;

test("a disk after a power cut has all that was acknowledged", { skip: unusable }, async (t) => {
  const { violations, findings, ...counts } = await runRecordedDisk({
    ...{ fileSystem: "ext4", layout: "database apart", scenario: "complete", seed, count: 6 },
  });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
  assert.equal(counts.states, 6);
});

test("a machine that cannot run it is named, with the reason", async () => {
  const args = [...process.execArgv, program, "--unit", JSON.stringify(longUnit)];
  const { code, stdout, stderr } = await endingOf(spawn(process.execPath, args, { env: { PATH: "/nowhere" } }));
  const { states, leftOut } = JSON.parse(stdout);
  assert.deepEqual({ code, states }, { code: 0, states: 0 });
  assert.match(leftOut, /unshare|root|fuse/);
  assert.ok(stderr.startsWith("LEFT OUT: ") && stderr.trimEnd().endsWith(leftOut), stderr);
});

describe("no process, mount, loop device or file is left", { skip: unusable }, () => {
  test("when the disks fail", async () => {
    await using rig = await startRig();
    await until(() => rig.loopDevices().some((path) => path.includes("/disks/")));
    for (const pid of rig.processes("disk-server.ts")) {
      process.kill(pid, "SIGKILL");
    }
    assert.equal(await rig.end(), 1);
    await until(() => rig.traces().length === 0);
  });

  for (const [phase, file] of [
    ["while disks are recorded", "/disks/"],
    ["while states are examined", "/state-"],
  ] as const) {
    test(`after Ctrl-C ${phase}`, async () => {
      await using rig = await startRig();
      await until(() => rig.loopDevices().some((path) => path.includes(file)));
      // As a terminal does, to the whole group.
      process.kill(-rig.pid, "SIGINT");
      await rig.end();
      await until(() => rig.traces().length === 0);
    });
  }

  test("after the process that runs it was killed", async () => {
    await using rig = await startRig();
    await until(() => rig.loopDevices().some((path) => path.includes("/state-")));
    process.kill(rig.pid, "SIGKILL");
    await rig.end();
    await until(() => rig.traces().length === 0);
  });
});

/** Starts the rig in a process group of its own, with a folder for its temporary files. */
async function startRig() {
  const folder = await temporaryFolder();
  const rig = spawn(process.execPath, [...process.execArgv, program, "--unit", JSON.stringify(longUnit)], {
    ...({ detached: true, stdio: "ignore" } as const),
    env: { ...process.env, TMPDIR: folder.path },
  });
  const ended = once(rig, "close");
  const pid = rig.pid ?? 0;
  const name = `recorded-disk-${pid}`;
  const loopDevices = () => loopDevicesOf(name);
  const processes = (word = "") => processesOf(name, word);
  return {
    ...{ pid, loopDevices, processes },
    end: async () => (await ended)[0],
    traces: () => [...loopDevices(), ...processes(), ...readdirSync(folder.path)],
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Files of loop devices whose path has a name in it, also after their mount has lost its place. */
const loopDevicesOf = (name: string): string[] =>
  readdirSync("/sys/block")
    .map((device) => textOf(`/sys/block/${device}/loop/backing_file`))
    .filter((path) => path.includes(`/${name}/`));

/** Processes whose arguments have a name and a word in them, or which see a mount of that name. */
const processesOf = (name: string, word: string): number[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) =>
      ["cmdline", "mountinfo"].some((file) => {
        const text = textOf(`/proc/${pid}/${file}`);
        return text.includes(name) && text.includes(word);
      }),
    )
    .map(Number);

/** Empty for what has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, "not within 20 seconds");
    await sleep(20);
  }
}
