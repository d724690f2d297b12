import { contentOf, rootOf, treeHashOf } from "../../support/content.ts";
import type { Call, Denial } from "../../support/history/calls.ts";

/** Calls of which the later ones are interrupted at each of their calls to the system. */
export interface Scenario {
  readonly before: readonly Call[];
  readonly interrupted: readonly Call[];
}

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
} as const satisfies Readonly<Record<string, (vault: string) => Scenario>>;

export type ScenarioName = keyof typeof scenarios;

const upload = (vault: string, seed: number, sizeBytes: number): Call => ({
  op: "UploadArchive",
  vault,
  archive,
  ...sent(seed, sizeBytes),
});

const initiate = (vault: string): Call => ({ op: "InitiateMultipartUpload", vault, archive, partSizeBytes: mebibyte });

const part = (vault: string, number: 0 | 1) =>
  ({ op: "UploadMultipartPart", vault, archive, firstByte: number * mebibyte, ...partsSent[number] }) as const;

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
