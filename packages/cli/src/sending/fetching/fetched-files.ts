import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { textKey } from "../../catalog/packed-id.ts";
import { distinctPath } from "../../names/safe-path.ts";
import { fetchedPath } from "./fetched-path.ts";
import { newerOf, newestAt } from "./newest-archive.ts";

/** Yields the newest archive of each path, in the order of paths. Those without a path are left out. */
export async function* newestOfPaths({ archives }: Catalog): AsyncGenerator<CatalogArchive, void, void> {
  let newest: CatalogArchive | null = null;
  for await (const batch of archives.inOrderOfPath()) {
    for (const archive of batch.filter(({ path }) => path !== "")) {
      if (newest !== null && newest.path !== archive.path) {
        yield newest;
        newest = null;
      }
      newest = newerOf(newest, archive);
    }
  }
  if (newest !== null) {
    yield newest;
  }
}

/** Returns the names that a fetch may give an archive's file: the safe path, and with its date, or its id too, where that was in use. */
export function fetchedNames(archive: CatalogArchive): readonly string[] {
  const { createdAt, archiveId } = archive;
  const path = fetchedPath(archive);
  return [path, distinctPath(path, createdAt, null), distinctPath(path, createdAt, archiveId)];
}

/** Finds the archives of files that a fetch has stored under other names than their paths. */
export class FetchedFiles {
  readonly #catalog: Catalog;
  /** The numbers of the newest archives of unsafe paths, by keys of the safe ones. */
  readonly #numbers: ReadonlyMap<number, readonly number[]>;

  private constructor(catalog: Catalog, numbers: ReadonlyMap<number, readonly number[]>) {
    this.#catalog = catalog;
    this.#numbers = numbers;
  }

  /** Reads the catalogue. Memory: some bytes for each archive whose path is not safe. */
  static async of(catalog: Catalog, signal: AbortSignal): Promise<FetchedFiles> {
    const numbers = new Map<number, number[]>();
    const add = (archive: CatalogArchive) => {
      signal.throwIfAborted();
      const path = fetchedPath(archive);
      if (path !== archive.path) {
        const key = textKey(path);
        const others = numbers.get(key);
        if (others === undefined) {
          numbers.set(key, [archive.number]);
        } else {
          others.push(archive.number);
        }
      }
    };
    for await (const archive of newestOfPaths(catalog)) {
      add(archive);
    }
    // Each of those without a path is named by its id.
    for await (const batch of catalog.archives.atPath("")) {
      batch.forEach(add);
    }
    return new FetchedFiles(catalog, numbers);
  }

  /** Returns the archives that a file of this path may be: the newest one of the path itself first. */
  async at(path: string): Promise<readonly CatalogArchive[]> {
    const wanted = path.replace(dateOfTwin, "");
    const own = await newestAt(this.#catalog, path);
    const twin = wanted === path ? null : await newestAt(this.#catalog, wanted);
    const renamed = [path, wanted].flatMap((each) => this.#renamedTo(each));
    const fetched = [...(twin === null ? [] : [twin]), ...renamed].filter((archive) =>
      fetchedNames(archive).includes(path),
    );
    return own === null ? fetched : [own, ...fetched];
  }

  /** Whether another archive wants the same name for its file. */
  async isShared(archive: CatalogArchive): Promise<boolean> {
    const path = fetchedPath(archive);
    const [first, second] = this.#numbers.get(textKey(path)) ?? [];
    if (first === undefined || second !== undefined) {
      return second !== undefined;
    }
    return first !== archive.number || (await newestAt(this.#catalog, path)) !== null;
  }

  #renamedTo(path: string): readonly CatalogArchive[] {
    const numbers = this.#numbers.get(textKey(path)) ?? [];
    return numbers.map((number) => this.#catalog.archives.byNumber(number)).filter((archive) => archive !== null);
  }
}

/** The date, and perhaps the id, that distinctPath puts before the extension. */
const dateOfTwin = / \((?:undated|\d{4}-\d\d-\d\d \d{6})(?: [\w-]+)?\)(?=[^/]*$)/;
