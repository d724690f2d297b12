import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { asRoot } from "../support/command.ts";
import { RescueRig, type RigOptions, vault } from "../support/rescue-rig.ts";
import { type Ending, endingOf, within } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// A rescue whose target fills up, turns read-only or disappears, and one whose account refuses it. It takes root to mount disks.

const archives = 30;
const mebibyte = 1024 ** 2;
const endSecondsMax = 90;

/** Copies to a small disk of its own. */
async function onSmallDisk(
  sizeMebibytes: number,
  use: (rig: RescueRig, disk: { readonly path: string; remount(options: string): void }) => Promise<void>,
  options: Partial<RigOptions> = {},
): Promise<void> {
  await using folder = await temporaryFolder();
  const disk = join(folder.path, "disk");
  await mkdir(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMebibytes}m`, "moraine-rescue", disk]);
  const remount = (how: string) => void execFileSync("mount", ["-o", `remount,${how}`, disk]);
  try {
    const target = join(disk, "copies");
    await using rig = await RescueRig.start({ archives, seed: 9, largeBytes: [8 * mebibyte], target, ...options });
    await use(rig, { path: disk, remount });
  } finally {
    await promisify(execFile)("umount", [disk]).catch(() => undefined); // A test may have taken it away.
  }
}

/** Starts a rescue; `said` resolves once it has written this to stderr. */
function startRescue(rig: RescueRig, flags: readonly string[] = [], environment: NodeJS.ProcessEnv = asRoot) {
  const child = rig.shell.start(["rescue", vault, rig.target, "--yes", ...flags], { environment });
  child.stdin?.end();
  const ending = endingOf(child);
  let stderr = "";
  child.stderr?.on("data", (text: string) => {
    stderr += text;
  });
  const said = async (what: RegExp) => {
    while (!what.test(stderr)) {
      const isOver = await Promise.race([
        ending.then(() => true),
        new Promise((resolve) => child.stderr?.once("data", () => resolve(false))),
      ]);
      assert.ok(isOver !== true || what.test(stderr), `it ended before it said ${what}: ${stderr}`);
    }
  };
  return {
    said: (what: RegExp) => within(endSecondsMax * 1000, said(what), `a rescue that says ${what}`),
    /** Resolves when the first copy is in the manifest. */
    async hasCopies(): Promise<void> {
      const manifest = join(rig.target, "MANIFEST.jsonl");
      const size = () =>
        stat(manifest).then(
          ({ size }) => size,
          () => 0,
        );
      for (const end = performance.now() + endSecondsMax * 1000; (await size()) === 0; await sleep(100)) {
        assert.ok(performance.now() < end, "no archive is copied");
      }
    },
    async kill(): Promise<void> {
      child.kill("SIGKILL");
      await ending;
    },
    ended: (): Promise<Ending> => within(endSecondsMax * 1000, ending, "a rescue"),
  };
}

/** Runs a slow rescue, and kills it when it has the first copy. */
async function interruptedRescue(rig: RescueRig): Promise<void> {
  const running = startRescue(rig, ["--bwlimit", "512KiB"]);
  await running.hasCopies();
  await running.kill();
}

test("a target that is full is waited for, and the rescue continues by itself once it has room", async () => {
  await onSmallDisk(5, async (rig, { remount }) => {
    const rescue = startRescue(rig);
    await rescue.said(/no (space|room)|full/i);
    remount("size=64m");
    const { code, stderr } = await rescue.ended();
    assert.equal(code, 0, stderr);
    await rig.assertRescued();
  });
});

test("a run that is not to wait for a full target exits 75, and the next one ends the rescue", async () => {
  await onSmallDisk(5, async (rig, { remount }) => {
    const { code, stderr } = await rig.rescue(["--once"]);
    assert.equal(code, 75, stderr);
    remount("size=64m");
    assert.equal((await rig.rescue()).code, 0);
    await rig.assertRescued();
    assert.equal(await rig.jobCount(), archives + 1, "no archive was requested twice");
  });
});

test("a target that turns read-only loses nothing, and the rescue continues once it can be written", async () => {
  await onSmallDisk(64, async (rig, { remount }) => {
    await interruptedRescue(rig);
    remount("ro");
    const rescue = startRescue(rig);
    await rescue.said(/read-only/i);
    remount("rw");
    const { code, stderr } = await rescue.ended();
    if (code !== 0) {
      assert.equal((await rig.rescue()).code, 0, stderr);
    }
    await rig.assertRescued();
  });
});

test("a target whose disk is gone is not written below its mount point", async () => {
  await onSmallDisk(64, async (rig, disk) => {
    await interruptedRescue(rig);
    execFileSync("umount", [disk.path]);
    const { code, stderr } = await rig.rescue();
    assert.equal(code, 1);
    assert.match(stderr, /There is no folder .*: is its disk mounted\?/);
    assert.deepEqual(await readdir(disk.path), [], "nothing lies below the mount point");
  });
});

test("an account's retrieval policy that refuses jobs is said, and waited for", async () => {
  await using rig = await RescueRig.start({ archives, seed: 10, flags: ["--profile", "aws", "--clock", "manual"] });
  await rig.advance(26);
  assert.equal((await rig.rescue(["--once"])).code, 75, "an inventory is in progress");
  await rig.advance(12);
  const ofAnHour = 100;
  await setPolicy(rig, { Strategy: "BytesPerHour", BytesPerHour: ofAnHour });
  const refused = await rig.rescue(["--once", "--tier", "Standard"]);
  assert.equal(refused.code, 75, refused.stderr);
  assert.match(refused.stderr, /retrieval policy refuses jobs/);
  const allowed = await rig.jobCount();
  assert.ok(allowed < archives / 2, `${allowed} jobs`);
  await setPolicy(rig, { Strategy: "None" });
  assert.equal((await rig.rescue(["--once", "--tier", "Standard"])).code, 75);
  assert.equal(await rig.jobCount(), archives);
});

async function setPolicy(rig: RescueRig, rule: object): Promise<void> {
  const body = Buffer.from(JSON.stringify({ Policy: { Rules: [rule] } }));
  await rig.http.demand({ method: "PUT", path: "/-/policies/data-retrieval", body });
}

test("keys that are withdrawn end a rescue, which continues with others", async () => {
  await using rig = await RescueRig.start({ archives, seed: 11, largeBytes: [8 * mebibyte] });
  const { AccessKeyId, SecretAccessKey } = (await rig.http.admin("POST", "/access-keys")) as Record<string, string>;
  const key = { AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey };
  const running = startRescue(rig, ["--bwlimit", "512KiB"], key);
  await running.hasCopies();
  await rig.http.admin("PUT", `/access-keys/${AccessKeyId}`, { Status: "Inactive" });
  const withdrawn = await running.ended();
  assert.equal(withdrawn.code, 5, withdrawn.stderr);
  assert.equal((await rig.rescue()).code, 0);
  await rig.assertRescued();
});
