import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TraceEvent } from "./trace.ts";

/** A change of a file's bytes; `bytes` null is a truncation to `offset`. */
interface FileChange {
  readonly order: number;
  readonly offset: number;
  readonly bytes: Buffer | null;
}

/** A name in a folder that was given to a file or folder, or taken away. */
interface NameChange {
  readonly order: number;
  readonly name: string;
  readonly node: Node | null;
}

interface Synced<Change, State> {
  stored: State;
  /** Later than the last sync, in order. */
  pending: Change[];
}

type File = Synced<FileChange, Buffer>;
type Folder = Synced<NameChange, Map<string, Node>>;
type Node = File | "folder";

/** Decides for each change that was not synced, of a write for each block, whether it reached the medium before the power went. */
export type Survival = () => boolean;

export const nothingUnsynced: Survival = () => false;

/**
 * Models what a disk holds for certain, by the rules of POSIX alone: bytes of a file after a sync of that file, names in a folder after
 * a sync of that folder. After a sync that failed, what it should have stored is lost, although programs still read it.
 */
export class DiskModel {
  readonly #root: string;
  /** By inode number, which a file that is created later may take over from a removed one. */
  readonly #files = new Map<number, File>();
  readonly #folders = new Map<string, Folder>();
  /** Running syncs, by number: when they began. */
  readonly #syncs = new Map<number, number>();
  #order = 0;

  constructor(root: string) {
    this.#root = root;
    this.#folders.set(root, { stored: new Map(), pending: [] });
  }

  /** A folder of files that are all synced. */
  static async of(root: string): Promise<DiskModel> {
    const model = new DiskModel(root);
    for (const name of await readdir(root)) {
      const path = join(root, name);
      const file: File = { stored: await readFile(path), pending: [] };
      model.#files.set((await stat(path)).ino, file);
      model.#folders.get(root)?.stored.set(name, file);
    }
    return model;
  }

  apply(event: TraceEvent): void {
    this.#order += 1;
    const { kind, inode, number, path, bytes } = event;
    const file = this.#files.get(inode) ?? null;
    switch (kind) {
      case "create":
        this.#create(inode, path);
        break;
      case "link":
        this.#name(path, file);
        break;
      case "unlink":
        this.#name(path, null);
        break;
      case "rename":
        this.#name(bytes.toString(), null);
        this.#name(path, file);
        break;
      case "mkdir":
        this.#folders.set(path, { stored: new Map(), pending: [] });
        this.#name(path, "folder");
        break;
      case "write":
        file?.pending.push(...blocksOf(bytes, number).map((block) => ({ order: this.#order, ...block })));
        break;
      case "truncate":
        file?.pending.push({ order: this.#order, offset: number, bytes: null });
        break;
      case "sync-begin":
        this.#syncs.set(number, this.#order);
        break;
      case "sync-end":
        this.#synced(event, true);
        break;
      case "sync-failed":
        this.#synced(event, false);
        break;
      default:
    }
  }

  /** Writes what a power cut now would leave into a folder. */
  async materialize(target: string, survives: Survival, only: (path: string) => boolean = () => true): Promise<void> {
    await this.#materializeFolder(this.#root, target, survives, only);
  }

  /** The files that a power cut now would leave, by their paths. */
  *image(survives: Survival, path = this.#root): Generator<readonly [path: string, bytes: Buffer]> {
    for (const [name, node] of this.#namesOf(path, survives)) {
      if (node === "folder") {
        yield* this.image(survives, join(path, name));
      } else {
        yield [join(path, name), applied(node.stored, node.pending.filter(survives))];
      }
    }
  }

  /** The bytes of a file as a power cut now would leave them; undefined when its name would be lost. */
  read(path: string): Buffer | undefined {
    const node = this.#isReachable(dirname(path)) ? this.#folders.get(dirname(path))?.stored.get(basename(path)) : null;
    return typeof node === "object" ? node?.stored : undefined;
  }

  #isReachable(folder: string): boolean {
    const isNamed = this.#folders.get(dirname(folder))?.stored.get(basename(folder)) === "folder";
    return folder === this.#root || (isNamed && this.#isReachable(dirname(folder)));
  }

  async #materializeFolder(
    path: string,
    target: string,
    survives: Survival,
    only: (path: string) => boolean,
  ): Promise<void> {
    await mkdir(target, { recursive: true, mode: 0o700 });
    for (const [name, node] of this.#namesOf(path, survives)) {
      if (node === "folder") {
        await this.#materializeFolder(join(path, name), join(target, name), survives, only);
      } else if (only(join(path, name))) {
        await writeFile(join(target, name), applied(node.stored, node.pending.filter(survives)), { mode: 0o600 });
      }
    }
  }

  #namesOf(path: string, survives: Survival): Map<string, Node> {
    const folder = this.#folders.get(path);
    const names = new Map(folder?.stored);
    for (const { name, node } of folder?.pending.filter(survives) ?? []) {
      setOrDelete(names, name, node);
    }
    return names;
  }

  #create(inode: number, path: string): void {
    const file: File = { stored: Buffer.alloc(0), pending: [] };
    this.#files.set(inode, file);
    this.#name(path, file);
  }

  #name(path: string, node: Node | null): void {
    this.#folders.get(dirname(path))?.pending.push({ order: this.#order, name: basename(path), node });
  }

  #synced({ inode, number, path }: TraceEvent, succeeded: boolean): void {
    const began = this.#syncs.get(number) ?? 0;
    this.#syncs.delete(number);
    const isCovered = ({ order }: { readonly order: number }) => order < began;
    const file = this.#files.get(inode);
    const folder = this.#folders.get(path);
    if (folder !== undefined) {
      for (const { name, node } of succeeded ? folder.pending.filter(isCovered) : []) {
        setOrDelete(folder.stored, name, node);
      }
      folder.pending = folder.pending.filter((change) => !isCovered(change));
    } else if (file !== undefined) {
      file.stored = succeeded ? applied(file.stored, file.pending.filter(isCovered)) : file.stored;
      file.pending = file.pending.filter((change) => !isCovered(change));
    }
  }
}

const blockBytes = 4096;

/** A disk may store some blocks of a write and lose others. */
function blocksOf(bytes: Buffer, offset: number): { readonly offset: number; readonly bytes: Buffer }[] {
  const blocks: { readonly offset: number; readonly bytes: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + blockBytes - ((offset + at) % blockBytes));
    blocks.push({ offset: offset + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return blocks;
}

function setOrDelete(names: Map<string, Node>, name: string, node: Node | null): void {
  if (node === null) {
    names.delete(name);
  } else {
    names.set(name, node);
  }
}

function applied(stored: Buffer, changes: readonly FileChange[]): Buffer {
  if (changes.length === 0) {
    return stored;
  }
  const lengthMax = Math.max(stored.length, ...changes.map(({ offset, bytes }) => offset + (bytes?.length ?? 0)));
  const content = Buffer.alloc(lengthMax);
  stored.copy(content);
  let length = stored.length;
  for (const { offset, bytes } of changes) {
    if (bytes !== null) {
      bytes.copy(content, offset);
      length = Math.max(length, offset + bytes.length);
    } else {
      content.fill(0, Math.min(offset, length));
      length = offset;
    }
  }
  return content.subarray(0, length);
}
