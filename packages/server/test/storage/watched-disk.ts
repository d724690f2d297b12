import * as nodeFiles from "node:fs/promises";
import { type FileHandle, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after } from "node:test";
import type { Disk } from "../../src/storage/blobs/disk.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { systemError } from "../support/system-error.ts";

const folders: string[] = [];

after(async () => {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
  }
});

type Hook = (call: string) => void | Promise<void>;

/** A prepared store on a real folder, a key for it, and all that its disk is asked to do from now on. */
export async function watchedStore(hook?: Hook, pieceBytes?: number) {
  const folder = await newFolder();
  const watched = watchedDisk(folder, hook, pieceBytes);
  const store = new FilesystemBlobStore(folder, watched.disk);
  await store.prepare();
  watched.calls.length = 0;
  return { store, folder, key: store.newKey("owner"), ...watched };
}

/** The real disk; each call is noted as `name path`, and fails when the test wants it to. */
export function watchedDisk(folder: string, hook?: Hook, pieceBytes = Number.POSITIVE_INFINITY) {
  const calls: string[] = [];
  let openHandles = 0;
  let fails: ((call: string) => string | null) | null = null;

  async function enter(name: string, path: string): Promise<void> {
    const call = `${name} ${relative(folder, path)}`;
    calls.push(call);
    await hook?.(call);
    const code = fails?.(call) ?? null;
    if (code !== null) {
      fails = null;
      throw systemError(code);
    }
  }

  function watchedHandle(handle: FileHandle, path: string, isDirect: boolean) {
    openHandles += 1;
    const shorten = (length: number) => Math.min(length, pieceBytes);
    return {
      stat: () => enter("stat", path).then(() => handle.stat()),
      sync: () => enter("sync", path).then(() => handle.sync()),
      datasync: () => enter("datasync", path).then(() => handle.datasync()),
      read: (into: Buffer, start: number, length: number, position: number) =>
        enter("read", path).then(() => handle.read(into, start, shorten(length), position)),
      write: (bytes: Buffer, start: number, length: number, position: number) =>
        enter(isDirect ? "write (direct)" : "write", path).then(() =>
          handle.write(bytes, start, length && shorten(length), position),
        ),
      chmod: (mode: number) => enter("chmod", path).then(() => handle.chmod(mode)),
      close: async () => {
        if (handle.fd >= 0) {
          openHandles -= 1;
          // A close that fails has closed all the same.
          await handle.close();
          await enter("close", path);
        }
      },
    };
  }

  const { link, mkdir, readdir, rm, stat, statfs, unlink } = nodeFiles;
  const plain = Object.entries({ link, mkdir, readdir, rm, stat, statfs, unlink }).map(([name, original]) => {
    const call = original as (path: string, ...rest: unknown[]) => Promise<unknown>;
    return [name, (path: string, ...rest: unknown[]) => enter(name, path).then(() => call(path, ...rest))];
  });
  const open = async (path: string, flags: number, mode?: number) => {
    await enter("open", path);
    return watchedHandle(await nodeFiles.open(path, flags, mode), path, (flags & nodeFiles.constants.O_DIRECT) !== 0);
  };
  return {
    disk: { ...Object.fromEntries(plain), open } as unknown as Disk,
    calls,
    openHandles: () => openHandles,
    /** The next call that fits fails. */
    failNext: (pattern: RegExp, code: string) => {
      fails = (call) => (pattern.test(call) ? code : null);
    },
    /** The so-many-th call from the beginning of `calls` fails. */
    failCall: (number: number, code: string) => {
      fails = () => (calls.length === number ? code : null);
    },
    disarm: () => {
      fails = null;
    },
  };
}

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-faults-"));
  folders.push(folder);
  return folder;
}
