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
type Node = File | Folder;

const isFolder = (node: Node | null | undefined): node is Folder => node?.stored instanceof Map;
const newFolder = (): Folder => ({ stored: new Map(), pending: [] });

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
  readonly #rootFolder = newFolder();
  /** By their paths of now. */
  readonly #folders = new Map<string, Folder>();
  /** Running syncs, by number: when they began. */
  readonly #syncs = new Map<number, number>();
  #order = 0;

  constructor(root: string) {
    this.#root = root;
    this.#folders.set(root, this.#rootFolder);
  }

  /** A folder whose files and folders are all synced. */
  static async of(root: string): Promise<DiskModel> {
    const model = new DiskModel(root);
    await model.#takeIn(root);
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
        this.#rename(bytes.toString(), path, file);
        break;
      case "mkdir": {
        const folder = path === this.#root ? this.#rootFolder : newFolder();
        this.#folders.set(path, folder);
        this.#name(path, folder);
        break;
      }
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
    await this.#materializeFolder({ folder: this.#rootFolder, path: this.#root }, target, survives, only);
  }

  /** The files that a power cut now would leave, by their paths. */
  *image(
    survives: Survival,
    path = this.#root,
    folder = this.#rootFolder,
  ): Generator<readonly [path: string, bytes: Buffer]> {
    for (const [name, node] of namesOf(folder, survives)) {
      if (isFolder(node)) {
        yield* this.image(survives, join(path, name), node);
      } else {
        yield [join(path, name), applied(node.stored, node.pending.filter(survives))];
      }
    }
  }

  /** The bytes of a file as a power cut now would leave them; undefined when its name would be lost. */
  read(path: string): Buffer | undefined {
    const node = this.#storedAt(path);
    return isFolder(node) ? undefined : node?.stored;
  }

  #storedAt(path: string): Node | undefined {
    const parent = path === this.#root ? null : this.#storedAt(dirname(path));
    return parent === null ? this.#rootFolder : isFolder(parent) ? parent.stored.get(basename(path)) : undefined;
  }

  async #takeIn(path: string): Promise<void> {
    const names = this.#folders.get(path)?.stored;
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const own = join(path, entry.name);
      if (entry.isDirectory()) {
        const folder = newFolder();
        this.#folders.set(own, folder);
        names?.set(entry.name, folder);
        await this.#takeIn(own);
      } else {
        const file: File = { stored: await readFile(own), pending: [] };
        this.#files.set((await stat(own)).ino, file);
        names?.set(entry.name, file);
      }
    }
  }

  async #materializeFolder(
    { folder, path }: { readonly folder: Folder; readonly path: string },
    target: string,
    survives: Survival,
    only: (path: string) => boolean,
  ): Promise<void> {
    await mkdir(target, { recursive: true, mode: 0o700 });
    for (const [name, node] of namesOf(folder, survives)) {
      const own = join(path, name);
      if (isFolder(node)) {
        await this.#materializeFolder({ folder: node, path: own }, join(target, name), survives, only);
      } else if (only(own)) {
        await writeFile(join(target, name), applied(node.stored, node.pending.filter(survives)), { mode: 0o600 });
      }
    }
  }

  #rename(from: string, to: string, file: File | null): void {
    const folder = this.#folders.get(from);
    this.#name(from, null);
    this.#name(to, folder ?? file);
    for (const [path, moved] of folder === undefined ? [] : [...this.#folders]) {
      if (path === from || path.startsWith(`${from}/`)) {
        this.#folders.delete(path);
        this.#folders.set(`${to}${path.slice(from.length)}`, moved);
      }
    }
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

function namesOf(folder: Folder, survives: Survival): Map<string, Node> {
  const names = new Map(folder.stored);
  for (const { name, node } of folder.pending.filter(survives)) {
    setOrDelete(names, name, node);
  }
  return names;
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
