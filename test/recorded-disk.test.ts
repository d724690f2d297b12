import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runRecordedDisk } from "./rigs/recorded-disk/run.ts";
import { whyUnusable } from "./rigs/recorded-disk/usable.ts";
import { repositoryRoot } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A sample of what `npm run rigs` does at every flush.

const seed = 1;
const unusable = (await whyUnusable("ext4")) ?? false;

test("a disk after a power cut has all that was acknowledged", { skip: unusable }, async (t) => {
  const { violations, findings, ...counts } = await runRecordedDisk({
    ...{ fileSystem: "ext4", layout: "database apart", scenario: "complete", seed, count: 6 },
  });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
  assert.equal(counts.states, 6);
});

describe("no process, mount, loop device or file is left", { skip: unusable }, () => {
  test("when the server does not start", async () => {
    await using folder = await temporaryFolder();
    await using elsewhere = await temporaryFolder();
    const rig = startRig(folder.path, ["--packed", join(elsewhere.path, "none")]);
    await once(rig, "close");
    assert.equal(rig.exitCode, 1);
    await assertNothingLeft(folder.path);
  });

  for (const [phase, file] of [
    ["while disks are recorded", "/disks/"],
    ["while states are examined", "-state-"],
  ] as const) {
    test(`after Ctrl-C ${phase}`, async () => {
      await using folder = await temporaryFolder();
      const rig = startRig(folder.path);
      await until(() => loopDevicesOf(folder.path).some((path) => path.includes(file)));
      // As a terminal does, to the whole group.
      process.kill(-(rig.pid ?? 0), "SIGINT");
      await once(rig, "close");
      await assertNothingLeft(folder.path);
    });
  }

  test("after the process that runs it was killed", async () => {
    await using folder = await temporaryFolder();
    const rig = startRig(folder.path);
    await until(() => loopDevicesOf(folder.path).some((path) => path.includes("/disks/")));
    rig.kill("SIGKILL");
    await once(rig, "exit");
    await assertNothingLeft(folder.path);
  });
});

/** Starts the rig in a process group of its own, with a folder for its temporary files that tells its traces from others. */
function startRig(folder: string, flags: readonly string[] = []): ChildProcess {
  const unit = {
    rig: "recorded-disk",
    fileSystem: "ext4",
    layout: "database apart",
    scenario: "upload",
    seed,
    count: 50,
  };
  const program = join(repositoryRoot, "test/rigs/main.ts");
  return spawn(process.execPath, [...process.execArgv, program, "--unit", JSON.stringify(unit), ...flags], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, TMPDIR: folder },
  });
}

async function assertNothingLeft(folder: string): Promise<void> {
  await until(() => processesOf(folder).length + loopDevicesOf(folder).length + readdirSync(folder).length === 0);
}

/** Files of loop devices that lie below a folder. */
function loopDevicesOf(folder: string): string[] {
  return readdirSync("/sys/block").flatMap((device) => {
    const file = textOf(`/sys/block/${device}/loop/backing_file`);
    return file.includes(basename(folder)) ? [file] : [];
  });
}

/** Processes whose arguments name a folder, or which see a mount in it. */
const processesOf = (folder: string): string[] =>
  readdirSync("/proc").filter(
    (name) =>
      /^\d+$/.test(name) &&
      ["cmdline", "mountinfo"].some((file) => textOf(`/proc/${name}/${file}`).includes(basename(folder))),
  );

/** Empty for what has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, "not within a minute");
    await sleep(20);
  }
}
