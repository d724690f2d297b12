import type { AccountId, UploadId } from "@moraine/protocol";
import { DamagedRowError, type MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import type { Vault, VaultKey } from "../../src/domain/vaults/vault.ts";
import { accountId, day, hour, keyOf, someHash, start, unchanged, World } from "../contract/metadata/world.ts";

// A small database with rows in every table whose rows have MACs, and the reads that use them.

const region = "us-east-1";
const account = { accountId, region };
const topic = "arn:aws:sns:us-east-1:123456789012:ended";
const user = { accountId, userName: "alice" };
const request = { key: "a request", madeSince: start - day };
const manyParts = 9;

/** The ids that reads ask for. */
export interface FullDatabase {
  readonly vault: Vault;
  readonly revision: number;
  readonly archiveIds: readonly string[];
  readonly uploadId: UploadId;
  readonly jobIds: readonly string[];
  readonly outputKey: string;
  readonly userId: string;
}

const sealedKey = (accessKeyId: string) => ({ accessKeyId, accountId, sealedSecret: Buffer.alloc(60, accessKeyId) });

export async function fillEveryTable(store: MetadataStore): Promise<FullDatabase> {
  const world = new World(store);
  await fillIdentities(store);
  const removed = await world.vault("removed");
  await world.inventoryJob(removed);
  await store.removeVault({ key: keyOf("removed"), profile: "practical", expectedVersion: 0, now: start });

  const vault = await world.vault();
  const archives = [
    await world.archive(vault, { sizeBytes: 1000, description: "first", request }),
    await world.archive(vault, { sizeBytes: 2000, description: "second", createdAt: start + 1 }),
    await world.archive(vault, { sizeBytes: 3000, description: "third", createdAt: start + 2 }),
  ];
  await store.takeInventory({ vaultId: vault.id, now: start + hour });
  const ids = archives.map(({ archive }) => archive.id);
  await world.removeArchive(vault, ids[2] ?? "", start + hour);

  const upload = await world.upload(vault);
  await world.part(upload, 0);
  await world.part(upload, 1);
  await world.part(upload, 1);
  const aborted = await world.upload(vault);
  for (let part = 0; part < manyParts; part += 1) {
    await world.part(aborted, part);
  }
  await store.abortUpload({ ...permittedBy(vault), uploadId: aborted.id, idleSince: start - day, now: start });
  await world.pending("o".repeat(138));
  const abandoned = await world.pending("p".repeat(138));
  await store.abandonSegment(abandoned);

  const [first] = archives;
  const jobs = [
    await world.archiveJob(vault, first?.archive as never, { tier: "Standard", dueAt: start + 30 * day }),
    await world.inventoryJob(vault, { snsTopic: topic }),
  ];
  const claim = await world.claim(start + 1);
  const segment = await world.pending(claim.jobId, { sizeBytes: 50, treeHash: someHash() });
  const document = { segmentKey: segment.key, sizeBytes: 50, nextMarker: null };
  const end = { state: "succeeded", statusMessage: "Succeeded", now: start + hour } as const;
  await store.finishJob({ ...claim, ...end, output: { segment, document } });
  await setEverything(store, vault);
  const seen = await world.seen(keyOf("photos"));
  return {
    vault: seen,
    revision: seen.revision,
    archiveIds: ids,
    uploadId: upload.id,
    jobIds: jobs.map(({ id }) => id),
    outputKey: segment.key,
    userId: "AIDA1",
  };
}

async function fillIdentities(store: MetadataStore): Promise<void> {
  await store.claimInstallation(account);
  await store.raiseTrustedTime({ highWater: start, monotonic: 5, boot: null });
  await store.putDataKeys({ keys: [{ id: "0011223344556677", wrapped: Buffer.alloc(60, 7) }], now: start });
  await store.putRootKey({ ...sealedKey("AKIAROOT"), now: start });
  await store.createUser({ id: "AIDA1", ...user, createdAt: start });
  await store.putUserPolicy({ user, policy: { policyName: "Writers", document: '{"Version":"2012-10-17"}' } });
  await store.addAccessKey({ key: sealedKey("AKIAUSER"), userName: "alice", now: start });
  const session = { tokenHash: Buffer.alloc(32, 9), expiresAt: start + day };
  await store.addSession({
    key: sealedKey("ASIAUSER"),
    userName: "alice",
    session,
    issuedAt: start,
    forgetBefore: start - day,
  });
  await store.setRetrievalPolicy({ account, policy: { strategy: "BytesPerHour", bytesPerHour: 10_000_000n } });
  await store.addCapacityUnit({ account, id: "unit-1", now: start });
}

async function setEverything(store: MetadataStore, vault: Vault): Promise<void> {
  const at = (accessVersion: number) => ({ ...permittedBy(vault), accessVersion });
  await store.addTags({ ...at(0), tags: { color: "blue" } });
  await store.setAccessPolicy({ ...at(1), policy: '{"Version":"2012-10-17","Statement":[]}' });
  await store.initiateLock({ ...at(2), lockId: "lock-1", policy: '{"Version":"2012-10-17"}', now: start });
  await store.completeLock({ ...at(3), lockId: "lock-1", now: start + 1 });
  await store.setNotifications({ ...at(4), notifications: { topic, events: ["ArchiveRetrievalCompleted"] } });
}

/** Answers by the names of the reads: JSON, or the kind of error. */
export type Answers = Readonly<Record<string, string>>;

/** All reads of answers and decisions, none of which changes anything. */
export async function readsOf(store: MetadataStore, full: FullDatabase): Promise<Answers> {
  const { vault, revision, archiveIds, uploadId, jobIds, outputKey, userId } = full;
  const vaultId = vault.id;
  const page = { after: null, limit: 100 };
  const bounds = { createdFrom: null, createdBefore: null };
  const idleSince = start - day;
  const completedSince = start - day;
  const key: VaultKey = keyOf("photos");
  return answered({
    findVault: () => store.findVault(key),
    findVaultById: () => store.findVaultById(vaultId),
    listVaults: () => store.listVaults({ ...account, afterName: null, limit: 100 }),
    ...Object.fromEntries(
      archiveIds.flatMap((archiveId, index) => [
        [`findArchive ${index}`, () => store.findArchive({ vaultId, archiveId })],
        [
          `segmentsOf ${index}`,
          () =>
            store.segmentsOf({ archiveId: archiveId as never, range: { firstByte: 0, lastByte: 5000 }, limit: 100 }),
        ],
      ]),
    ),
    inventoryPage: () => store.inventoryPage({ vaultId, revision, ...bounds, ...page }),
    inventoryThen: () => store.inventoryPage({ vaultId, revision: revision - 1, ...bounds, ...page }),
    findUpload: () => store.findUploadRevision({ vaultId, uploadId, idleSince }),
    listUploads: () => store.listUploads({ vaultId, idleSince, ...page }),
    listParts: () => store.listParts({ uploadId, afterByte: null, limit: 100 }),
    ...Object.fromEntries(
      jobIds.map((jobId, index) => [`findJob ${index}`, () => store.findJob({ vaultId, jobId, completedSince })]),
    ),
    listJobs: () => store.listJobs({ vaultId, completedSince, states: null, ...page }),
    findSegment: () => store.findSegment(outputKey),
    deadSegments: () => store.deadSegments({ afterKey: null, limit: 100 }),
    findAccount: () => store.findAccount(accountId),
    listAccounts: () => store.listAccounts({ afterId: null, limit: 100 }),
    findUser: () => store.findUser(user),
    listUsers: () => store.listUsers({ accountId, afterName: null, limit: 100 }),
    userPolicies: () => store.userPolicies(userId),
    ...Object.fromEntries(
      ["AKIAROOT", "AKIAUSER", "ASIAUSER"].map((id) => [`findAccessKey ${id}`, () => store.findAccessKey(id)]),
    ),
    listRootKeys: () => store.listAccessKeys({ accountId, userId: null, ...page }),
    listUserKeys: () => store.listAccessKeys({ accountId, userId, ...page }),
    dataKeys: () => store.dataKeys(),
    retrievalPolicy: () => store.findRetrievalPolicy(account),
    capacityUnits: () => store.listCapacityUnits({ account, now: start }),
    notifications: () => store.listNotifications({ accountId: accountId as AccountId, state: null, ...page }),
    trustedTime: () => store.trustedTime(),
  });
}

/** Decisions that are made within changes: each is called once, last. */
export async function decisionsOf(store: MetadataStore, full: FullDatabase): Promise<Answers> {
  const { vault, archiveIds } = full;
  const world = new World(store);
  return answered({
    installation: () => store.claimInstallation(account),
    repeatedRequest: async () => {
      const { archive } = await world.archive(vault, { request });
      return archiveIds.includes(archive.id);
    },
    addJob: async () => {
      const archive = await store.findArchive({ vaultId: vault.id, archiveId: archiveIds[1] ?? "" });
      await world.archiveJob(vault, archive as never, { tier: "Standard", dueAt: start + 30 * day });
      return "added";
    },
    clearVaults: () => store.clearVaults({ limit: 100 }),
    releaseSegments: () => store.releaseSegments({ limit: 100 }),
    addTags: () => store.addTags({ ...unchanged({ vaultId: vault.id }), accessVersion: vault.accessVersion, tags: {} }),
  });
}

async function answered(reads: Record<string, () => Promise<unknown>>): Promise<Answers> {
  const answers: Record<string, string> = {};
  for (const [name, read] of Object.entries(reads)) {
    answers[name] = await read().then(textOf, (error: unknown) =>
      error instanceof DamagedRowError ? "refused" : `failed: ${(error as Error).name}`,
    );
  }
  return answers;
}

const textOf = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, part) => (typeof part === "bigint" ? `${part}n` : part));
