import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./file-systems.ts";

const program = fileURLToPath(new URL("./disk-server.ts", import.meta.url));

/** Files that behave like their images, and of which each write and each flush is logged. */
export interface RecordingDisks extends AsyncDisposable {
  readonly paths: readonly string[];
  readonly log: string;
}

/** @param folder for the log and the mount point */
export async function startRecording(images: readonly string[], folder: string): Promise<RecordingDisks> {
  const [log, point] = [join(folder, "disks.log"), join(folder, "disks")];
  await mkdir(point);
  await writeFile(log, "");
  const fuse = openSync("/dev/fuse", "r+");
  await using started = new AsyncDisposableStack();
  try {
    const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
    await ended(spawn("mount", ["-i", "-t", "fuse", "-o", options, "disks", point], stdioWith(fuse)), "mount");
    const server = spawn(process.execPath, [program, log, ...images], stdioWith(fuse));
    const end = ended(server, "the server of the disks");
    end.catch(() => undefined); // It may end early, which is reported below.
    started.defer(async () => {
      await run("umount", [point]);
      await end;
    });
  } finally {
    closeSync(fuse);
  }
  const running = started.move();
  return {
    ...{ log, paths: images.map((image) => join(point, basename(image))) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const stdioWith = (fuse: number): SpawnOptions => ({ stdio: ["ignore", "inherit", "inherit", fuse] });

async function ended(child: ChildProcess, name: string): Promise<void> {
  const [code, signal] = await once(child, "exit");
  if (code !== 0) {
    throw new Error(`${name} ended with ${code ?? signal}`);
  }
}
