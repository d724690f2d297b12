import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { GlacierError, type OperationName } from "@moraine/protocol";
import fc, { type Scheduler } from "fast-check";
import { accessControl } from "../../src/auth/authorize.ts";
import { type Caller, principalOf } from "../../src/auth/caller.ts";
import { resourceOf } from "../../src/auth/resources.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { type PermittedVault, permittedBy } from "../../src/domain/vaults/permission.ts";
import { arnOf, type Vault, type VaultKey } from "../../src/domain/vaults/vault.ts";
import { makePermitted } from "../../src/http/permitted-change.ts";
import { completeUpload } from "../../src/operations/complete-upload.ts";
import { accountId, day, start, World } from "../contract/metadata/world.ts";
import { allow, deny, policy } from "../support/admin.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { unmetered } from "../support/unmetered.ts";

// Changes of one vault are authorized and made in every order that fast-check finds, on the real store.

const runs = 300;
const hold = { LegalHold: "true" };
const deniedWhileHeld: readonly OperationName[] = [
  "DeleteArchive",
  "UploadArchive",
  "CompleteMultipartUpload",
  "AddTagsToVault",
  "RemoveTagsFromVault",
  "InitiateJob",
];
const anybody = { Principal: "*" };
const whileHeld = { ...anybody, Condition: { StringEquals: { "glacier:ResourceTag/LegalHold": "true" } } };
const lockPolicy = (arn: string) =>
  policy(
    deny(
      deniedWhileHeld.map((name) => `glacier:${name}`),
      arn,
      whileHeld,
    ),
  );
const noDeletion = (arn: string) =>
  policy(allow("glacier:ListJobs", arn, anybody), deny("glacier:DeleteArchive", arn, anybody));

/** Tells what the two policies above forbid, without reading them. */
function isForbidden(name: OperationName, { lock, tags, accessPolicy }: Vault): boolean {
  const isHeld = lock !== null && tags["LegalHold"] === "true";
  return (isHeld && deniedWhileHeld.includes(name)) || (accessPolicy !== null && name === "DeleteArchive");
}

interface Change {
  readonly name: OperationName;
  make(at: PermittedVault): Promise<unknown>;
}

let metadata: MetadataStore;
let vaults = 0;
before(async () => {
  metadata = await openInlineStore(":memory:");
});
after(() => metadata.close());

test("no interleaving of two changes and a lock makes a change that the vault forbids when it is made", async () => {
  const counts = { made: 0, refused: 0, repeated: 0 };
  const choice = fc.nat(8);
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.boolean(), choice, choice, async (scheduler, isHeld, first, second) => {
      const { key, changes, locking } = await newVault(isHeld);
      const actors = [[changes[first]], [changes[second]], locking].map(async (queue) => {
        for (const change of queue) {
          assert.ok(change !== undefined);
          await act(scheduler, key, change, counts);
        }
      });
      await scheduler.waitFor(Promise.all(actors));
    }),
    { numRuns: runs },
  );
  assert.ok(counts.made > runs && counts.refused > 0 && counts.repeated > 0, JSON.stringify(counts));
});

/** A vault with an archive and an upload of one part; what may be done to it, and the two steps of its lock. */
async function newVault(isHeld: boolean) {
  const world = new World(metadata);
  vaults += 1;
  const vault = await world.vault(`vault-${vaults}`);
  const arn = arnOf(vault);
  const { archive } = await world.archive(vault);
  const upload = await world.upload(vault);
  const { sizeBytes, treeHash } = await world.part(upload, 0);
  const completion = { uploadId: upload.id, claim: { sizeBytes, treeHash }, idleSince: start - day, now: start };
  const seen = (at: PermittedVault) => ({ ...vault, accessVersion: at.accessVersion });
  if (isHeld) {
    await metadata.addTags({ ...permittedBy(vault), tags: hold });
  }
  const changes: readonly Change[] = [
    { name: "AddTagsToVault", make: (at) => metadata.addTags({ ...at, tags: hold }) },
    { name: "AddTagsToVault", make: (at) => metadata.addTags({ ...at, tags: { a: "b" } }) },
    { name: "RemoveTagsFromVault", make: (at) => metadata.removeTags({ ...at, keys: ["LegalHold"] }) },
    { name: "DeleteArchive", make: (at) => metadata.removeArchive({ ...at, archiveId: archive.id, now: start }) },
    { name: "UploadArchive", make: (at) => world.archive(seen(at)) },
    {
      name: "CompleteMultipartUpload",
      make: (at) => completeUpload(metadata, { ...at, ...completion }, world.storeManifest),
    },
    { name: "InitiateJob", make: (at) => world.inventoryJob(seen(at)) },
    { name: "SetVaultAccessPolicy", make: (at) => metadata.setAccessPolicy({ ...at, policy: noDeletion(arn) }) },
    { name: "DeleteVaultAccessPolicy", make: (at) => metadata.setAccessPolicy({ ...at, policy: null }) },
  ];
  const locking: readonly Change[] = [
    {
      name: "InitiateVaultLock",
      make: (at) => metadata.initiateLock({ ...at, lockId: "lock", policy: lockPolicy(arn), now: start }),
    },
    { name: "CompleteVaultLock", make: (at) => metadata.completeLock({ ...at, lockId: "lock", now: start }) },
  ];
  const key: VaultKey = { accountId, region: vault.region, vaultName: vault.vaultName };
  return { key, changes, locking };
}

/** Authorizes a change and makes it, as a request does; others come between its steps. */
async function act(
  scheduler: Scheduler,
  key: VaultKey,
  { name, make }: Change,
  counts: Record<"made" | "refused" | "repeated", number>,
): Promise<void> {
  const authorize = async () => {
    const vault = await scheduler.schedule(metadata.findVault(key), `${name} reads the vault`);
    await access.authorize(root, [], { ...resourceOf(name, key), vault }, judged);
    return vault;
  };
  let attempts = 0;
  try {
    await makePermitted({
      vaultArn: arnOf(key),
      vault: await authorize(),
      isCurrent: () => true,
      authorizeAgain: authorize,
      change: async (vault) => {
        attempts += 1;
        assert.ok(vault !== null);
        await scheduler.schedule(Promise.resolve(), `${name} waits for the store`);
        await oneAtATime(async () => {
          const current = await metadata.findVaultById(vault.id);
          await make(permittedBy(vault));
          // A deletion or completion may be asked for again: then nothing happens. A job is not in the row.
          const isChange =
            name === "InitiateJob" || !isDeepStrictEqual(current, await metadata.findVaultById(vault.id));
          assert.ok(
            current !== null && !(isChange && isForbidden(name, current)),
            `${name} was made, which the vault forbids`,
          );
        });
      },
    });
    counts.made += 1;
  } catch (error) {
    if (!(error instanceof GlacierError)) {
      throw error;
    }
    assert.equal(error.code, "AccessDeniedException");
    counts.refused += 1;
  }
  counts.repeated += attempts - 1;
}

const root: Caller = {
  accountId,
  principal: principalOf(accountId, null),
  user: null,
  accessKeyId: "AKIA",
  session: null,
};
const request = {
  method: "POST",
  path: "/",
  query: "",
  headers: [],
  header: () => undefined,
  parameters: () => [],
  address: "127.0.0.1",
  secure: false,
};
const access = accessControl({
  ...unmetered,
  metadata: { userPolicies: async () => [], findArchive: (at) => metadata.findArchive(at) },
  region: "us-east-1",
  now: () => start,
  policyNow: () => start,
});

let previous: Promise<unknown> = Promise.resolve();

/** The row that is read is the one that the change meets. */
function oneAtATime(task: () => Promise<void>): Promise<void> {
  const result = previous.then(task);
  previous = result.catch(() => undefined);
  return result;
}

const judged = { request, audit: { onDecision: () => undefined } };
