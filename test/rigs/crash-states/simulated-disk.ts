import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Disk } from "../../../packages/server/src/storage/blobs/disk.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";
import type { Scheduler } from "./scheduler.ts";

interface Inode {
  readonly number: number;
  bytes: Buffer;
}

/**
 * A file system in memory: each call takes turns with all others, and what it changed, or what its sync made durable, is reported in
 * the words of a trace.
 */
export class SimulatedDisk {
  readonly #scheduler: Scheduler;
  readonly #report: (event: TraceEvent) => void;
  readonly #files = new Map<string, Inode>();
  readonly #folders = new Set<string>();
  #inodes = 0;
  #syncs = 0;

  constructor(root: string, scheduler: Scheduler, report: (event: TraceEvent) => void) {
    this.#folders.add(root);
    this.#scheduler = scheduler;
    this.#report = report;
  }

  /** The calls that a blob store makes. */
  readonly calls = {
    mkdir: (path: string) => this.#step(() => this.#makeFolders(path)),
    stat: (path: string) => this.#step(() => ({ dev: 1, size: this.#files.get(path)?.bytes.length ?? 0 })),
    statfs: () => this.#step(() => ({ bavail: 1e9, blocks: 1e9, bsize: 4096 })),
    readdir: (path: string) => this.#step(() => this.#namesIn(path)),
    rm: (path: string) => this.#step(() => this.#unlink(path)),
    unlink: (path: string) => this.#step(() => this.#unlink(path)),
    link: (from: string, to: string) => this.#step(() => this.#link(from, to)),
    open: (path: string, flags: number) => this.#step(() => this.#open(path, flags)),
  } as unknown as Disk;

  async #step<Result>(change: () => Result): Promise<Result> {
    await this.#scheduler.turn("disk");
    return change();
  }

  #event(kind: TraceEvent["kind"], fields: Partial<TraceEvent>): void {
    this.#report({ kind, inode: 0, number: 0, path: "", bytes: Buffer.alloc(0), endOffset: 0, ...fields });
  }

  #makeFolders(path: string): void {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!this.#folders.has(path)) {
      this.#makeFolders(parent);
      this.#folders.add(path);
      this.#event("mkdir", { path });
    }
  }

  #namesIn(path: string): string[] {
    const paths = [...this.#files.keys(), ...this.#folders];
    return paths
      .filter((each) => each.startsWith(`${path}/`) && !each.slice(path.length + 1).includes("/"))
      .map((each) => each.slice(path.length + 1));
  }

  #unlink(path: string): void {
    if (!this.#files.delete(path)) {
      throw failed("ENOENT", path);
    }
    this.#event("unlink", { path });
  }

  #link(from: string, to: string): void {
    const inode = this.#files.get(from);
    if (inode === undefined || this.#files.has(to)) {
      throw failed(inode === undefined ? "ENOENT" : "EEXIST", to);
    }
    this.#files.set(to, inode);
    this.#event("link", { path: to, inode: inode.number });
  }

  #open(path: string, flags: number): FileHandle {
    if (this.#folders.has(path)) {
      return this.#handle({ path, inode: null });
    }
    if ((flags & constants.O_CREAT) !== 0) {
      this.#inodes += 1;
      this.#files.set(path, { number: this.#inodes, bytes: Buffer.alloc(0) });
      this.#event("create", { path, inode: this.#inodes });
    }
    const inode = this.#files.get(path);
    if (inode === undefined) {
      throw failed("ENOENT", path);
    }
    return this.#handle({ path, inode });
  }

  #handle({ path, inode }: { readonly path: string; readonly inode: Inode | null }): FileHandle {
    const sync = () => this.#sync(path, inode?.number ?? 0);
    const handle = {
      ...{ sync, datasync: sync, close: async () => undefined, chmod: async () => undefined },
      stat: async () => ({ size: inode?.bytes.length ?? 0 }),
      write: (bytes: Buffer, at: number, length: number, position: number) =>
        this.#step(() => this.#write(inode as Inode, bytes.subarray(at, at + length), position, path)),
      read: async (into: Buffer, at: number, length: number, position: number) => ({
        bytesRead: inode?.bytes.copy(into, at, position, position + length) ?? 0,
      }),
    };
    return handle as unknown as FileHandle;
  }

  #write(inode: Inode, bytes: Buffer, position: number, path: string): { bytesWritten: number } {
    const grown = Buffer.alloc(Math.max(inode.bytes.length, position + bytes.length));
    inode.bytes.copy(grown);
    grown.set(bytes, position);
    inode.bytes = grown;
    this.#event("write", { path, inode: inode.number, number: position, bytes: Buffer.from(bytes) });
    return { bytesWritten: bytes.length };
  }

  /** Others have their turns while it runs. */
  async #sync(path: string, inode: number): Promise<void> {
    this.#syncs += 1;
    const number = this.#syncs;
    await this.#step(() => this.#event("sync-begin", { path, inode, number }));
    await this.#step(() => this.#event("sync-end", { path, inode, number }));
  }
}

function failed(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
