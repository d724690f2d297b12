import { contentOf, rootOf, treeHashOf } from "../support/content.ts";
import type { Call, Denial } from "../support/history/calls.ts";
import { withBackups } from "./surroundings/backups.ts";
import { withNextSealingKey } from "./surroundings/next-sealing-key.ts";
import type { OpenSurroundings } from "./surroundings/surroundings.ts";
import { webhookTopic, withWebhook } from "./surroundings/webhook.ts";

/** Calls of which the later ones are interrupted at each of their calls to the system. */
export interface Scenario {
  readonly before: readonly Call[];
  readonly interrupted: readonly Call[];
  /** Whether the server stops in order afterwards, and starts again; that is interrupted too. */
  readonly restarts?: true;
  /** Whether an earlier version made the calls before. The start that migrates its folder is interrupted, too. */
  readonly isOlder?: true;
  /** @default none */
  readonly surroundings?: OpenSurroundings;
}

/** Their changes fill the database's log until a little before it is moved. */
const callsBeforeCheckpoint = 200;
const mebibyte = 1024 ** 2;
const archive = "one";
const noDeletions = { denies: ["DeleteArchive"] } as const satisfies Denial;

export const scenarios = {
  "create vault": (vault) => ({ before: [], interrupted: [{ op: "CreateVault", vault }] }),
  upload: (vault) => ({ before: [{ op: "CreateVault", vault }], interrupted: [upload(vault, 1, 1000)] }),
  "large upload": (vault) => ({
    before: [{ op: "CreateVault", vault }],
    interrupted: [upload(vault, 1, 3 * mebibyte + 1)],
  }),
  parts: (vault) => ({
    before: [{ op: "CreateVault", vault }],
    interrupted: [initiate(vault), part(vault, 0), part(vault, 1)],
  }),
  "part again": (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault), part(vault, 0)],
    interrupted: [{ ...part(vault, 0), ...sent(9, mebibyte) }],
  }),
  complete: (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault), part(vault, 0), part(vault, 1)],
    interrupted: [complete(vault)],
  }),
  "complete again": (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault), part(vault, 0), part(vault, 1), complete(vault)],
    interrupted: [complete(vault), { op: "DeleteArchive", vault, archive }],
  }),
  "abort upload": (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault), part(vault, 0)],
    interrupted: [{ op: "AbortMultipartUpload", vault, archive }],
  }),
  "delete archive": (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [{ op: "DeleteArchive", vault, archive }],
  }),
  "delete vault": (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault), part(vault, 0)],
    interrupted: [{ op: "DeleteVault", vault }],
  }),
  retrieval: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [
      { op: "InitiateJob", vault, archive, job: "job" },
      { op: "ReadArchive", vault, archive },
    ],
  }),
  inventory: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [{ op: "ListArchives", vault }],
  }),
  lock: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [
      { op: "InitiateVaultLock", vault, lock: "lockA", ...noDeletions },
      { op: "CompleteVaultLock", vault, lock: "lockA" },
      { op: "DeleteArchive", vault, archive },
    ],
  }),
  "tags and policy": (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [
      { op: "AddTagsToVault", vault, tags: { one: "1" } },
      { op: "SetVaultAccessPolicy", vault, policy: "policyA", ...noDeletions },
      { op: "DeleteArchive", vault, archive },
      { op: "DeleteVaultAccessPolicy", vault },
    ],
  }),
  "several archives": (vault) => ({
    before: [{ op: "CreateVault", vault }],
    interrupted: [
      upload(vault, 1, 1000, "one"),
      upload(vault, 2, 1, "two"),
      { op: "DeleteArchive", vault, archive: "one" },
      upload(vault, 3, mebibyte, "three"),
      upload(vault, 4, 4095, "four"),
      { op: "DeleteArchive", vault, archive: "two" },
      upload(vault, 5, 4096, "five"),
      upload(vault, 1, 1000, "one again"),
    ],
  }),
  "many parts": (vault) => ({
    before: [{ op: "CreateVault", vault }, initiate(vault)],
    interrupted: [
      ...Array.from({ length: 6 }, (_, number) => part(vault, number + 1)),
      { ...part(vault, 3), ...sent(9, mebibyte) },
      { op: "AbortMultipartUpload", vault, archive },
    ],
  }),
  checkpoint: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000), ...tagged(vault, 0, callsBeforeCheckpoint)],
    interrupted: tagged(vault, callsBeforeCheckpoint, 40),
  }),
  notification: (vault) => ({
    before: [
      { op: "CreateVault", vault },
      { op: "SetVaultNotifications", vault, topic: webhookTopic },
      upload(vault, 1, 1000),
    ],
    interrupted: [
      { op: "InitiateJob", vault, archive, job: "job" },
      { op: "ListArchives", vault },
    ],
    surroundings: withWebhook,
  }),
  "key rotation": (vault) => ({
    before: [{ op: "CreateVault", vault }, accessKey("CreateAccessKey", vault, "first")],
    interrupted: [
      accessKey("DeleteAccessKey", vault, "first"),
      accessKey("CreateAccessKey", vault, "second"),
      accessKey("UseAccessKey", vault, "second"),
    ],
    restarts: true,
    surroundings: withNextSealingKey,
  }),
  backup: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000, "one"), { op: "BackUp" }],
    interrupted: [upload(vault, 2, 4096, "two"), { op: "DeleteArchive", vault, archive: "one" }, { op: "BackUp" }],
    surroundings: withBackups,
  }),
  migration: (vault) => ({
    before: [
      { op: "CreateVault", vault },
      upload(vault, 1, 1000, "deleted"),
      upload(vault, 2, 4096, "kept"),
      accessKey("CreateAccessKey", vault, "key"),
      { op: "DeleteArchive", vault, archive: "deleted" },
      initiate(vault),
      part(vault, 0),
    ],
    interrupted: [part(vault, 1), complete(vault)],
    isOlder: true,
  }),
  restart: (vault) => ({
    before: [{ op: "CreateVault", vault }, upload(vault, 1, 1000)],
    interrupted: [{ op: "DeleteArchive", vault, archive }],
    restarts: true,
  }),
} as const satisfies Readonly<Record<string, (vault: string) => Scenario>>;

export type ScenarioName = keyof typeof scenarios;

/** Whether it needs a server and its folder alone. */
export const isPlain = ({ surroundings, isOlder }: Scenario): boolean => surroundings === undefined && isOlder !== true;

/** The names of the scenarios that do. */
export const plainScenarios = (): ScenarioName[] =>
  (Object.keys(scenarios) as ScenarioName[]).filter((name) => isPlain(scenarios[name]("v")));

const upload = (vault: string, seed: number, sizeBytes: number, name = archive): Call => ({
  op: "UploadArchive",
  vault,
  archive: name,
  ...sent(seed, sizeBytes),
});

const accessKey = (op: "CreateAccessKey" | "UseAccessKey" | "DeleteAccessKey", vault: string, key: string): Call => ({
  ...{ op, vault, key },
});

const initiate = (vault: string): Call => ({ op: "InitiateMultipartUpload", vault, archive, partSizeBytes: mebibyte });

const part = (vault: string, number: number) =>
  ({
    op: "UploadMultipartPart",
    vault,
    archive,
    firstByte: number * mebibyte,
    ...(partsSent[number] ?? sent(number, mebibyte)),
  }) as const;

const tagged = (vault: string, first: number, count: number): Call[] =>
  Array.from({ length: count }, (_, index) => ({ op: "AddTagsToVault", vault, tags: { tag: String(first + index) } }));

function sent(seed: number, sizeBytes: number) {
  return { seed, sizeBytes, treeHash: treeHashOf(contentOf(seed, sizeBytes)) };
}

const partsSent = [sent(5, mebibyte), sent(6, 1000)] as const;

const complete = (vault: string): Call => ({
  op: "CompleteMultipartUpload",
  vault,
  archive,
  sizeBytes: mebibyte + 1000,
  treeHash: rootOf(partsSent.map(({ treeHash }) => Buffer.from(treeHash, "hex"))),
});
