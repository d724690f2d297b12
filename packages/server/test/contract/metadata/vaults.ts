import assert from "node:assert/strict";
import { newVaultId } from "../../../src/domain/new-id.ts";
import type { Vault } from "../../../src/domain/vaults/vault.ts";
import {
  accountId,
  byName,
  day,
  everyPage,
  keyOf,
  otherAccountId,
  type Story,
  start,
  unchanged,
  uploadGone,
  vaultGone,
} from "./world.ts";

export function vaultStories(story: Story): void {
  story("a new vault is empty and has no inventory", async ({ store }) => {
    const key = keyOf("photos");
    assert.equal(await store.findVault(key), null);
    await store.createVault({ id: "inner", key, now: start });
    const vault = await store.findVault(key);
    assert.deepEqual(vault, {
      ...key,
      id: "inner",
      createdAt: start,
      archiveCount: 0,
      archiveBytes: 0,
      revision: 0,
      accessVersion: 0,
      inventory: null,
      accessPolicy: null,
      lock: null,
      notifications: null,
      tags: {},
    });
    assert.deepEqual(await store.findVaultById("inner"), vault);
    assert.equal(await store.findVaultById("other"), null);
  });

  story("creating a vault again changes nothing", async ({ store }) => {
    await store.createVault({ id: "first", key: keyOf("photos"), now: start });
    await store.createVault({ id: "second", key: keyOf("photos"), now: start + 1 });
    const seen = await store.findVault(keyOf("photos"));
    assert.deepEqual([seen?.id, seen?.createdAt], ["first", start]);
  });

  story("names are distinguished by case, region and account", async ({ store }) => {
    const keys = [keyOf("a"), keyOf("A"), keyOf("a", "eu-west-1"), keyOf("a", "us-east-1", otherAccountId)];
    for (const [index, key] of keys.entries()) {
      await store.createVault({ id: `${index}`, key, now: start });
    }
    const ids = await Promise.all(keys.map(async (key) => (await store.findVault(key))?.id));
    assert.deepEqual(ids, ["0", "1", "2", "3"]);
  });

  story("an account has at most 1,000 vaults in a region", async ({ store }) => {
    const created = Array.from({ length: 1000 }, (_, index) =>
      store.createVault({ id: newVaultId(), key: keyOf(`vault-${index}`), now: start }),
    );
    await Promise.all(created);
    const one = { id: newVaultId(), now: start };
    await assert.rejects(store.createVault({ ...one, key: keyOf("one-more") }), {
      name: "GlacierError",
      code: "LimitExceededException",
      message: "Vault limit exceeded: 1000",
    });
    assert.equal(await store.findVault(keyOf("one-more")), null);
    await store.createVault({ ...one, key: keyOf("vault-7") });
    await store.createVault({ ...one, key: keyOf("one-more", "eu-west-1") });
  });

  story("vaults are listed in bytewise order, page after page without gaps", async ({ store }) => {
    const sorted = ["-a", ".b", "0", "9", "A", "B", "Z", "_", "a", "aa", "b", "z"];
    for (const name of sorted.toReversed()) {
      await store.createVault({ id: newVaultId(), key: keyOf(name), now: start });
    }
    await store.createVault({ id: newVaultId(), key: keyOf("a", "eu-west-1"), now: start });
    await store.createVault({ id: newVaultId(), key: keyOf("a", "us-east-1", otherAccountId), now: start });
    const page = { accountId, region: "us-east-1", limit: 5 };
    const listed = await everyPage((after: Vault | null) =>
      store.listVaults({ ...page, afterName: after?.vaultName ?? null }),
    );
    assert.deepEqual(
      listed.map(({ vaultName }) => vaultName),
      sorted,
    );
    const afterGap = await store.listVaults({ ...page, afterName: "C", limit: 1 });
    assert.equal(afterGap[0]?.vaultName, "Z");
  });

  story("a vault that is not there is removed without complaint", async ({ store }) => {
    await store.removeVault({ key: keyOf("nothing"), profile: "aws", expectedVersion: 0, now: start });
  });

  story("a vault with an archive is kept, in both profiles", async (world) => {
    const vault = await world.vault();
    await world.archive(vault);
    for (const profile of ["practical", "aws"] as const) {
      await assert.rejects(world.store.removeVault({ key: vault, profile, expectedVersion: 0, now: start }), {
        code: "InvalidParameterValueException",
        message: "Vault not empty or recently written to: arn:aws:glacier:us-east-1:123456789012:vaults/photos",
      });
    }
    assert.equal((await world.seen(vault)).archiveCount, 1);
  });

  story("a vault emptied since its inventory goes in the practical profile only", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    await world.removeArchive(vault, archive.id);
    await assert.rejects(world.store.removeVault({ key: vault, profile: "aws", expectedVersion: 0, now: start }));
    await world.store.removeVault({ key: vault, profile: "practical", expectedVersion: 0, now: start });
    assert.equal(await world.store.findVault(vault), null);
  });

  story("a vault takes its jobs, their outputs, its open uploads and their parts with it", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const kept = await world.vault("kept");
    const { archive: keptArchive, segment: keptSegment } = await world.archive(kept);
    const keptUpload = await world.upload(kept);
    const keptPart = await world.part(keptUpload, 0);

    const job = await world.inventoryJob(vault);
    const claim = await world.claim();
    const segment = await world.pending(job.id);
    const document = { segmentKey: segment.key, sizeBytes: 10, nextMarker: null };
    await store.finishJob({
      ...claim,
      state: "succeeded",
      statusMessage: "",
      now: start,
      output: { segment, document },
    });
    const upload = await world.upload(vault);
    const part = await world.part(upload, 0);
    const waiting = await world.inventoryJob(vault);
    assert.equal(await world.nextDue(waiting.dueAt), waiting.dueAt);

    await store.removeVault({ key: vault, profile: "practical", expectedVersion: 0, now: start });
    assert.equal(await world.nextDue(waiting.dueAt), null);
    for (const jobId of [job.id, waiting.id]) {
      assert.equal(await store.findJob({ vaultId: vault.id, jobId, completedSince: start - day }), null);
    }
    assert.equal(await store.findUpload({ vaultId: vault.id, uploadId: upload.id, idleSince: start - day }), null);
    const late = await world.pending(upload.archiveId);
    const addLate = store.addPart({
      ...unchanged(upload),
      uploadId: upload.id,
      segment: late,
      idleSince: start - day,
      now: start,
    });
    await assert.rejects(addLate, uploadGone(upload.id));
    assert.deepEqual(await world.dead(), [segment.key, part.key, late.key].sort(byName));

    const range = { firstByte: 0, lastByte: 0 };
    assert.deepEqual(await store.segmentsOf({ archiveId: keptArchive.id, range, limit: 100 }), [keptSegment]);
    assert.deepEqual(await store.listParts({ uploadId: keptUpload.id, afterByte: null, limit: 9 }), [keptPart]);
  });

  story("a vault that is made again is another one, to which nothing of the first belongs", async (world) => {
    const first = await world.vault();
    const { archive } = await world.archive(first);
    await world.removeArchive(first, archive.id);
    await world.store.removeVault({ key: first, profile: "practical", expectedVersion: 0, now: start });
    const second = await world.vault("photos", start + day);
    assert.notEqual(second.id, first.id);
    assert.deepEqual([second.revision, second.createdAt], [0, start + day]);
    assert.equal(await world.store.findArchive({ vaultId: second.id, archiveId: archive.id }), null);
  });

  story("nothing is added to a vault that has gone", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(await world.vault("other"));
    await world.store.removeVault({ key: vault, profile: "aws", expectedVersion: 0, now: start });
    await assert.rejects(world.archive(vault), vaultGone(vault));
    await assert.rejects(world.upload(vault), vaultGone(vault));
    await assert.rejects(world.archiveJob(vault, archive), vaultGone(vault));
    await assert.rejects(world.inventoryJob(vault), vaultGone(vault));
  });
}
