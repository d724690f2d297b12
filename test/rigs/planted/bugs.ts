import type { FaultOutcome } from "../../support/disk-rig/rig.ts";
import type { Cut } from "../disk-states/cuts.ts";
import type { FileSystemName, Layout } from "../recorded-disk/file-systems.ts";
import type { ScenarioName } from "../scenarios.ts";

// Faults that are planted in a copy of the server's sources: a rig that does not notice them proves nothing.

export interface PlantedBug {
  readonly name: string;
  /** Below `packages/server/src`. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly correct: string;
  readonly wrong: string;
}

export const racesBugs: readonly PlantedBug[] = [
  {
    name: "a second lock replaces one in progress",
    file: "domain/vaults/vault-lock.ts",
    correct: "if (current !== null) {",
    wrong: 'if (current?.state === "locked") {',
  },
  {
    name: "a lock that is complete can be aborted",
    file: "domain/vaults/vault-lock.ts",
    correct: 'if (lock?.state === "locked") {',
    wrong: "if (lock === undefined) {",
  },
  {
    name: "an upload that was completed can be aborted",
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: 'upload?.state !== "aborted" || endedBefore(upload, idleSince)',
    wrong: "upload === undefined || endedBefore(upload, idleSince)",
  },
  {
    name: "an upload is completed with parts that have changed since they were joined",
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: "assembled?.partsRevision === upload.parts_revision",
    wrong: "assembled !== null && assembled !== undefined",
  },
  {
    name: "a repeated Complete is not compared with the archive",
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: "assertClaimed(archive, claim);",
    wrong: "void claim;",
  },
  {
    name: "a vault is deleted with an archive in it",
    file: "domain/vaults/vault.ts",
    correct: "vault.archiveCount > 0 ||",
    wrong: "vault.archiveCount < 0 ||",
  },
];

interface IoCallsBug extends PlantedBug {
  /** How the call ends that shows it. */
  readonly outcome: FaultOutcome;
  /** A glob of the files whose calls show it, in the data folder. */
  readonly files: string;
}

export const ioCallsBugs: readonly IoCallsBug[] = [
  {
    name: "an archive's row is stored before its file has its name",
    outcome: "killed before",
    files: "blobs/*",
    file: "segments/receive.ts",
    correct: "await writer.commit();",
    wrong: "const late = writer;\n    setTimeout(() => void late.commit().catch(() => undefined), 5000);",
  },
  {
    name: "a write that failed is taken for one that was made",
    outcome: "EIO",
    files: "tmp/*",
    file: "storage/blobs/filesystem-writer.ts",
    correct: `this.#failure ??= { error };
      this.#blob.space.noteFailure(error);
      throw toDomainError(error);`,
    wrong: "void error;",
  },
];

const unsyncedDatabase: PlantedBug = {
  name: "commits of the database are not synced",
  file: "storage/metadata/sqlite/sqlite-database.ts",
  correct: '["synchronous", "FULL", 2]',
  wrong: '["synchronous", "OFF", 0]',
};

const unsyncedSegments: PlantedBug = {
  name: "the file of an archive gets its name before its bytes are synced",
  file: "storage/blobs/filesystem-writer.ts",
  correct: "await this.#health.watch(() => this.#blob.file.sync());",
  wrong: "",
};

interface DiskStatesBug extends PlantedBug {
  readonly kind: Cut["kind"];
  readonly scenario: ScenarioName;
}

export const diskStatesBugs: readonly DiskStatesBug[] = [
  { ...unsyncedDatabase, kind: "power cut", scenario: "upload" },
  { ...unsyncedSegments, kind: "power cut", scenario: "upload" },
  {
    name: "the name of an archive's file is not synced",
    kind: "power cut",
    scenario: "part again",
    file: "storage/blobs/filesystem.ts",
    correct: "await this.#folderSyncs.sync(dirname(finalPath));",
    wrong: "",
  },
  {
    name: "the folder of an archive's file is not synced",
    kind: "power cut",
    scenario: "upload",
    file: "storage/blobs/filesystem.ts",
    correct: "await this.#folderSyncs.sync(dirname(parent));",
    wrong: "",
  },
  {
    name: "a deletion is acknowledged before it is stored",
    kind: "kill",
    scenario: "delete archive",
    file: "operations/archives.ts",
    correct: "await permitted((vault) => metadata.removeArchive",
    wrong: "void permitted((vault) => metadata.removeArchive",
  },
  {
    name: "a lock is said to be complete before that is stored",
    kind: "kill",
    scenario: "lock",
    file: "operations/vault-lock.ts",
    correct: "await permitted((vault) => metadata.completeLock",
    wrong: "void permitted((vault) => metadata.completeLock",
  },
];

interface RecordedDiskBug extends PlantedBug {
  readonly fileSystem: FileSystemName;
  readonly layout: Layout;
  readonly scenario: ScenarioName;
}

export const recordedDiskBugs: readonly RecordedDiskBug[] = [
  { ...unsyncedDatabase, fileSystem: "ext4", layout: "one disk", scenario: "upload" },
  { ...unsyncedSegments, fileSystem: "xfs", layout: "one disk", scenario: "upload" },
  {
    name: "folders are not synced",
    fileSystem: "btrfs",
    layout: "database apart",
    scenario: "upload",
    file: "storage/blobs/folder-syncs.ts",
    correct: "await this.#health.watch(() => handle.sync());",
    wrong: "",
  },
];

export const crashStatesBugs: readonly PlantedBug[] = [
  {
    name: "a file gets its name before anything says that it may",
    file: "segments/receive.ts",
    correct: "await intent;\n    await writer.commit();",
    wrong: "await writer.commit();\n    await intent;",
  },
  {
    name: "the row of a segment goes before its file",
    file: "jobs/sweep.ts",
    correct: "const failures = await blobs.remove(keys);",
    wrong: "await metadata.forgetSegments(keys);\n    const failures = await blobs.remove(keys);",
  },
  {
    name: "folders that others have made are taken for durable",
    file: "storage/blobs/filesystem.ts",
    correct: "this.#shelves.set(shelf, made);",
    wrong: "this.#shelves.set(shelf, Promise.resolve());",
  },
  {
    name: "a sync that has begun serves what came later",
    file: "storage/blobs/folder-syncs.ts",
    correct:
      "const sync = line.ended.then(() => {\n      line.waiting = null;\n      return this.#syncNow(folder);\n    });",
    wrong:
      "const sync = line.ended.then(() => this.#syncNow(folder)).finally(() => {\n      line.waiting = null;\n    });",
  },
];
