import type { FaultOutcome } from "../../support/disk-rig/rig.ts";
import type { PlaceName } from "../places/places.ts";
import type { FileSystemName, Layout } from "../recorded-disk/file-systems.ts";
import type { ScenarioName } from "../scenarios.ts";
import type { Unit } from "../unit.ts";

// Faults that are planted in a copy of the server's sources: a rig that does not notice them proves nothing.

export interface PlantedBug {
  readonly name: string;
  /** Below `packages/server/src`. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly correct: string;
  readonly wrong: string;
  /** Must show the bug. */
  readonly shownBy: Unit;
}

/** Ends with the first violation. */
const shown = { stopsAtViolation: true, seed: 1 } as const;
const byRaces: Unit = { rig: "races", count: 400, ...shown };
const byCrashStates: Unit = { rig: "crash-states", count: 50_000, ...shown };

const byDiskStates = (kind: "kill" | "power cut", scenario: ScenarioName, stride = 1): Unit => ({
  ...({ rig: "disk-states", kinds: [kind], scenario, stride, ...shown } as const),
});

const byRecordedDisk = (fileSystem: FileSystemName, layout: Layout): Unit => ({
  ...({
    rig: "recorded-disk",
    fileSystem,
    layout,
    scenario: "upload",
    count: 30,
    survivals: ["nothing"],
    ...shown,
  } as const),
});

/** Calls are counted in some files alone: threads that work at once make the number of a call among all files vary. */
const byIoCalls = (outcome: FaultOutcome, files: string): Unit => ({
  ...({ rig: "io-calls", scenario: "upload", outcome, files, stride: 1, stopsAtViolation: true } as const),
});

const byPlace = (place: PlaceName): Unit => ({ rig: "places", place, seed: 1 });

const racesBugs: readonly PlantedBug[] = [
  {
    name: "a second lock replaces one in progress",
    shownBy: byRaces,
    file: "domain/vaults/vault-lock.ts",
    correct: "if (current !== null) {",
    wrong: 'if (current?.state === "locked") {',
  },
  {
    name: "a lock that is complete can be aborted",
    shownBy: byRaces,
    file: "domain/vaults/vault-lock.ts",
    correct: 'if (lock?.state === "locked") {',
    wrong: "if (lock === undefined) {",
  },
  {
    name: "an upload that was completed can be aborted",
    shownBy: byRaces,
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: 'upload?.state !== "aborted" || endedBefore(upload, idleSince)',
    wrong: "upload === undefined || endedBefore(upload, idleSince)",
  },
  {
    name: "an upload is completed with parts that have changed since they were joined",
    shownBy: byRaces,
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: "assembled?.partsRevision === upload.parts_revision",
    wrong: "assembled !== null && assembled !== undefined",
  },
  {
    name: "a repeated Complete is not compared with the archive",
    shownBy: byRaces,
    file: "storage/metadata/tables/multipart-uploads.ts",
    correct: "assertClaimed(archive, claim);",
    wrong: "void claim;",
  },
  {
    name: "a vault is deleted with an archive in it",
    shownBy: byRaces,
    file: "domain/vaults/vault.ts",
    correct: "vault.archiveCount > 0 ||",
    wrong: "vault.archiveCount < 0 ||",
  },
];

const ioCallsBugs: readonly PlantedBug[] = [
  {
    name: "an archive's row is stored before its file has its name",
    shownBy: byIoCalls("killed before", "blobs/*"),
    file: "segments/receive.ts",
    correct: "await writer.commit();",
    wrong: "const late = writer;\n    setTimeout(() => void late.commit().catch(() => undefined), 5000);",
  },
  {
    name: "a write that failed is taken for one that was made",
    shownBy: byIoCalls("EIO", "tmp/*"),
    file: "storage/blobs/filesystem-writer.ts",
    correct: `this.#failure ??= { error };
      this.#blob.space.noteFailure(error);
      throw toDomainError(error);`,
    wrong: "void error;",
  },
];

const unsyncedDatabase = {
  name: "commits of the database are not synced",
  file: "storage/metadata/sqlite/sqlite-database.ts",
  correct: '["synchronous", "FULL", 2]',
  wrong: '["synchronous", "OFF", 0]',
};

const unsyncedSegments = {
  name: "the file of an archive gets its name before its bytes are synced",
  file: "storage/blobs/filesystem-writer.ts",
  correct: "await this.#health.watch(() => this.#blob.file.sync());",
  wrong: "",
};

const diskStatesBugs: readonly PlantedBug[] = [
  { ...unsyncedDatabase, shownBy: byDiskStates("power cut", "upload") },
  { ...unsyncedSegments, shownBy: byDiskStates("power cut", "upload") },
  {
    name: "the name of an archive's file is not synced",
    shownBy: byDiskStates("power cut", "part again"),
    file: "storage/blobs/filesystem.ts",
    correct: "await this.#folderSyncs.sync(dirname(finalPath));",
    wrong: "",
  },
  {
    name: "the folder of an archive's file is not synced",
    shownBy: byDiskStates("power cut", "upload"),
    file: "storage/blobs/filesystem.ts",
    correct: "await this.#folderSyncs.sync(dirname(parent));",
    wrong: "",
  },
  {
    name: "a deletion is acknowledged before it is stored",
    shownBy: byDiskStates("kill", "delete archive"),
    file: "operations/archives.ts",
    correct: "await permitted((vault) => metadata.removeArchive",
    wrong: "void permitted((vault) => metadata.removeArchive",
  },
  {
    name: "a lock is said to be complete before that is stored",
    shownBy: byDiskStates("kill", "lock"),
    file: "operations/vault-lock.ts",
    correct: "await permitted((vault) => metadata.completeLock",
    wrong: "void permitted((vault) => metadata.completeLock",
  },
  {
    name: "a message is forgotten before it is delivered",
    // Each moment has three states. In the first nothing unsynced survives.
    shownBy: byDiskStates("power cut", "notification", 3),
    file: "jobs/delivery.ts",
    correct: "await notifier.notify(notification, signal);",
    wrong:
      "await metadata.removeNotification({ id: notification.id, fence });\n    await notifier.notify(notification, signal);",
  },
  {
    name: "a migration is more than one transaction",
    shownBy: byDiskStates("kill", "migration", 20),
    file: "storage/metadata/migrations/0015-row-macs.ts",
    correct: "  sealAllRows(database, new RowHasher(key));",
    wrong: '  database.exec("COMMIT; BEGIN IMMEDIATE");\n  sealAllRows(database, new RowHasher(key));',
  },
  {
    name: "the deletion of an access key is acknowledged before it is stored",
    shownBy: byDiskStates("kill", "key rotation"),
    file: "admin/access-keys.ts",
    correct: "await metadata.removeAccessKey(",
    wrong: "void metadata.removeAccessKey(",
  },
  {
    name: "data keys are not sealed with the next sealing key",
    shownBy: byDiskStates("kill", "key rotation", 20),
    file: "auth/keyring.ts",
    correct: "if (keys.length > 0) {",
    wrong: "if (keys.length < 0) {",
  },
  {
    name: "the copy of a segment in a backup is not synced",
    shownBy: byDiskStates("power cut", "backup", 3),
    file: "backup/segment-files.ts",
    correct: "await file.sync();",
    wrong: "",
  },
];

const recordedDiskBugs: readonly PlantedBug[] = [
  { ...unsyncedDatabase, name: "commits to ext4 are not synced", shownBy: byRecordedDisk("ext4", "one disk") },
  { ...unsyncedSegments, name: "files of archives on XFS are not synced", shownBy: byRecordedDisk("xfs", "one disk") },
  {
    name: "folders on btrfs are not synced",
    shownBy: byRecordedDisk("btrfs", "database apart"),
    file: "storage/blobs/folder-syncs.ts",
    correct: "await this.#health.watch(() => handle.sync());",
    wrong: "",
  },
];

const placesBugs: readonly PlantedBug[] = [
  {
    name: "the lock of the data folder is not taken",
    shownBy: byPlace("second process"),
    file: "storage/data-folder.ts",
    correct: "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE",
    wrong: "PRAGMA journal_mode = MEMORY",
  },
  {
    name: "a file that cannot be opened for want of descriptors is taken for a missing one",
    shownBy: byPlace("few descriptors"),
    file: "storage/blobs/disk.ts",
    correct: `return errorCode(error) === "ENOENT" ?`,
    wrong: `return ["ENOENT", "EMFILE"].includes(errorCode(error) ?? "") ?`,
  },
  {
    name: "a start does not notice that the blobs are missing",
    shownBy: byPlace("missing files"),
    file: "storage/data-folder.ts",
    correct: "if (options.mayLackDatabase !== true) {",
    wrong: "if (options.mayLackDatabase === undefined && folder.length === 0) {",
  },
  {
    name: "uploads expire by the machine's clock",
    shownBy: byPlace("moved clocks"),
    file: "jobs/upkeep.ts",
    correct: `"expiring uploads": ({ metadata, trustedClock }, signal) =>
    inBatches(signal, batchRows, () => {
      const now = trustedClock.expiryNow();`,
    wrong: `"expiring uploads": ({ metadata }, signal) =>
    inBatches(signal, batchRows, () => {
      const now = Date.now();`,
  },
];

const flipsBugs: readonly PlantedBug[] = [
  {
    name: "a row's MAC is not compared",
    shownBy: { rig: "flips", count: 150, ...shown },
    file: "storage/metadata/tables/row-macs/row-seal.ts",
    correct: "return difference === 0;",
    wrong: "return difference >= 0;",
  },
];

const crashStatesBugs: readonly PlantedBug[] = [
  {
    name: "a file gets its name before anything says that it may",
    shownBy: byCrashStates,
    file: "segments/receive.ts",
    correct: "await intent;\n    await writer.commit();",
    wrong: "await writer.commit();\n    await intent;",
  },
  {
    name: "the row of a segment goes before its file",
    shownBy: byCrashStates,
    file: "jobs/sweep.ts",
    correct: "const failures = await blobs.remove(keys);",
    wrong: "await metadata.forgetSegments(keys);\n    const failures = await blobs.remove(keys);",
  },
  {
    name: "folders that others have made are taken for durable",
    shownBy: byCrashStates,
    file: "storage/blobs/filesystem.ts",
    correct: "this.#shelves.set(shelf, made);",
    wrong: "this.#shelves.set(shelf, Promise.resolve());",
  },
  {
    name: "a sync that has begun serves what came later",
    shownBy: byCrashStates,
    file: "storage/blobs/folder-syncs.ts",
    correct:
      "const sync = line.ended.then(() => {\n      line.waiting = null;\n      return this.#syncNow(folder);\n    });",
    wrong:
      "const sync = line.ended.then(() => this.#syncNow(folder)).finally(() => {\n      line.waiting = null;\n    });",
  },
];

export const plantedBugs: readonly PlantedBug[] = [
  ...racesBugs,
  ...ioCallsBugs,
  ...diskStatesBugs,
  ...recordedDiskBugs,
  ...crashStatesBugs,
  ...placesBugs,
  ...flipsBugs,
];
