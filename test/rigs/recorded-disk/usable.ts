import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { type FileSystemName, fileSystems, run } from "./file-systems.ts";

/** Arguments of `unshare`: mounts that nobody else sees, and that end with the last process that sees them. */
export const ownMounts = ["--mount", "--propagation", "private"];

/** Makes and mounts a file system as the rig does, in memory. The folder of temporary files is hidden from this script alone. */
const trial = `
mount -t tmpfs recorded-disk "$1"
cd "$1"
truncate -s "$2" image
mkdir point
"$3" image > /dev/null
mount -t "$4" -o loop image point`;

/** Returns the reason why this machine cannot run the rig on a file system, or null. */
export async function whyUnusable(name: FileSystemName): Promise<string | null> {
  if (process.getuid?.() !== 0) {
    return "it needs root, for mounts and loop devices";
  }
  const { make, sizeBytes } = fileSystems[name];
  try {
    closeSync(openSync("/dev/fuse", "r+"));
    await run("unshare", [...ownMounts, "sh", "-ec", trial, "sh", tmpdir(), String(sizeBytes), make[0], name]);
    return null;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    return stderr.trim().split("\n").at(-1) || message;
  }
}
