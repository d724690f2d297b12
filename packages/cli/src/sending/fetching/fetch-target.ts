import { permissionsIn } from "../../names/file-description.ts";
import type { FolderTarget } from "../../targets/folder/folder-target.ts";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type CopyFacts,
  type CopyState,
  type StoredCopy,
  type StoreOptions,
  type Target,
  type TargetDocuments,
  TargetOccupiedError,
} from "../../targets/target.ts";
import type { FilesProgress } from "../files-progress.ts";
import type { FullFolder } from "./fetch-room.ts";

/** The report on files as they are fetched. */
export interface FetchReport {
  readonly progress: FilesProgress;
  /** The decoded path of an archive, empty if it has none, and the names that its file may have. */
  readonly namesOf: (archiveId: string) => { readonly path: string; readonly names: readonly string[] };
  readonly full: FullFolder;
}

/**
 * A folder that archives are fetched to: the target of a rescue without its documents, whose files get their permissions and which reports each
 * of them.
 */
export class FetchTarget implements Target {
  readonly url: string;
  readonly documents: TargetDocuments = noDocuments;
  readonly #folder: FolderTarget;
  readonly #report: FetchReport;

  constructor(folder: FolderTarget, report: FetchReport) {
    this.url = `fetch ${folder.url}`;
    this.#folder = folder;
    this.#report = report;
  }

  lock(signal: AbortSignal): Promise<AsyncDisposable> {
    return this.#folder.lock(signal);
  }

  freeBytes(): Promise<number | null> {
    return this.#folder.freeBytes();
  }

  bytesToStore(archive: ArchiveFacts): Promise<number> {
    return this.#folder.bytesToStore(archive);
  }

  probe(sizeBytes: number): Promise<void> {
    return this.#report.full.watch(this.#folder.probe(sizeBytes));
  }

  async find(archive: ArchiveFacts, signal: AbortSignal): Promise<StoredCopy | null> {
    const copy = (await this.#folder.find(archive, signal)) ?? (await this.#findRenamed(archive, signal));
    if (copy !== null) {
      this.#ended("present", { ...archive, path: copy.location });
    }
    return copy;
  }

  /** An earlier run of other archives may have given the file another name. */
  async #findRenamed(archive: ArchiveFacts, signal: AbortSignal): Promise<StoredCopy | null> {
    const { names } = this.#report.namesOf(archive.archiveId);
    for (const path of names.filter((name) => name !== archive.path)) {
      try {
        const copy = await this.#folder.find({ ...archive, path }, signal);
        if (copy !== null) {
          return copy;
        }
      } catch (error) {
        if (!(error instanceof TargetOccupiedError)) {
          throw error;
        }
      }
    }
    return null;
  }

  async store(archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions): Promise<StoredCopy> {
    const onBytes = (count: number) => {
      options.onBytes(count);
      this.#report.progress.moved(count);
    };
    // A job that exists is used without looking at the folder first.
    const present = await this.find(archive, options.signal);
    if (present !== null) {
      return present;
    }
    const permissions = permissionsIn(archive.description);
    const storing = this.#folder.store({ ...archive, permissions }, output, { ...options, onBytes });
    const copy = await this.#report.full.watch(storing);
    this.#ended("fetched", archive);
    return copy;
  }

  check(copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
    return this.#folder.check(copy, signal);
  }

  list(signal: AbortSignal): AsyncIterable<{ readonly location: string; readonly sizeBytes: number }> {
    return this.#folder.list(signal);
  }

  #ended(state: "present" | "fetched", { path, archiveId, sizeBytes }: ArchiveFacts): void {
    const { path: archivePath } = this.#report.namesOf(archiveId);
    const isRenamed = archivePath !== path && archivePath !== "";
    this.#report.progress.ended({ state, path, archiveId, sizeBytes, ...(isRenamed && { archivePath }) });
  }
}

/** Nothing is recorded next to the files: each run looks at them. */
const noDocuments: TargetDocuments = {
  append: () => Promise.resolve(0),
  async write(_, text) {
    for await (const _piece of text) {
      // Nobody reads it.
    }
  },
  read: () => Promise.resolve(null),
};
