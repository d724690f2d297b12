import { withSuffix } from "../../names/safe-component.ts";
import { distinctPath, pathKey } from "../../names/safe-path.ts";
import type { CatalogDatabase } from "../catalog-database.ts";
import { textKey } from "../packed-id.ts";

/**
 * The names in use at a target: of files, and of their folders. Each is known by 48 bits of a hash of its key alone. Where two have the
 * same, the second counts as taken without need and gets another path, which does no harm.
 */
export class CopyNames {
  readonly #database: CatalogDatabase;
  readonly #target: number;
  /** Names given to folders lately, by the wanted names. */
  readonly #folders = new Map<string, string>();
  #rollbackCount = 0;

  constructor(database: CatalogDatabase, target: number) {
    this.#database = database;
    this.#target = target;
  }

  /**
   * Takes the name of a file and those of its folders, and returns the path. A folder with the name of a file gets another name, which is
   * the same for all that is in it. A file whose name is in use gets its date, then also its id, then a number.
   */
  take(path: string, archive: { readonly createdAt: Date; readonly archiveId: string }): string {
    const cut = path.lastIndexOf("/") + 1;
    const wanted = this.#takeFolders(path.slice(0, cut).split("/").slice(0, -1)) + path.slice(cut);
    for (const candidate of candidates(wanted, archive)) {
      if (this.#useOf(candidate) === null) {
        this.#add(candidate, false);
        return candidate;
      }
    }
    throw new Error(`No path is free for archive ${archive.archiveId}`);
  }

  /** Returns the folders as a prefix of a path. */
  #takeFolders(folders: readonly string[]): string {
    this.#forgetAfterRollback();
    let prefix = "";
    for (const folder of folders) {
      const wanted = prefix + folder;
      const name = this.#folders.get(wanted) ?? this.#folderName((suffix) => prefix + withSuffix(folder, suffix));
      this.#folders.set(wanted, name);
      prefix = `${name}/`;
    }
    return prefix;
  }

  /** Takes a name for a folder. */
  #folderName(name: (suffix: string) => string): string {
    for (const candidate of numbered(name, " (folder)")) {
      const use = this.#useOf(candidate);
      if (use === null) {
        this.#add(candidate, true);
      }
      if (use !== "file") {
        return candidate;
      }
    }
    throw new Error(`No name is free for the folder ${name("")}`);
  }

  #forgetAfterRollback(): void {
    if (this.#rollbackCount !== this.#database.rollbackCount || this.#folders.size > foldersMax) {
      this.#folders.clear();
      this.#rollbackCount = this.#database.rollbackCount;
    }
  }

  #useOf(path: string): "file" | "folder" | null {
    const row = this.#database.get<{ is_folder: number }>(
      "SELECT is_folder FROM copy_names WHERE target = ? AND path_key = ?",
      this.#target,
      textKey(pathKey(path)),
    );
    return row === undefined ? null : row.is_folder === 1 ? "folder" : "file";
  }

  #add(path: string, isFolder: boolean): void {
    this.#database.run(
      "INSERT INTO copy_names VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      this.#target,
      textKey(pathKey(path)),
      isFolder ? 1 : 0,
    );
  }
}

const foldersMax = 1000;

/** Only descriptions that imitate the names given here on purpose could take all of these. */
const numberMax = 100;

function* candidates(
  path: string,
  { createdAt, archiveId }: { readonly createdAt: Date; readonly archiveId: string },
): Generator<string, void, void> {
  yield path;
  yield distinctPath(path, createdAt, null);
  const cut = path.lastIndexOf("/") + 1;
  const withId = (suffix: string) =>
    distinctPath(path.slice(0, cut) + withSuffix(path.slice(cut), suffix), createdAt, archiveId);
  yield* numbered(withId, "");
}

/** The name itself, then with the suffix, then with the suffix and a number. */
function* numbered(name: (suffix: string) => string, suffix: string): Generator<string, void, void> {
  yield name("");
  yield name(suffix);
  for (let number = 2; number <= numberMax; number += 1) {
    yield name(`${suffix} ${number}`);
  }
}
