import assert from "node:assert/strict";
import type { AccountId, VaultNotificationEvent } from "@moraine/protocol";
import { compactJson } from "../../../src/domain/compact-json.ts";
import type { AccountTurn } from "../../../src/domain/jobs/account-turn.ts";
import type { Job } from "../../../src/domain/jobs/job.ts";
import { describeJob } from "../../../src/domain/jobs/job-description.ts";
import { newVaultId } from "../../../src/domain/new-id.ts";
import { deliveryMilliseconds, type Notification } from "../../../src/domain/notifications/notification.ts";
import type { NotificationClaim, NotificationStatus } from "../../../src/domain/stores/notification-store.ts";
import type { Instant } from "../../../src/domain/time/instant.ts";
import { arnOf, type Vault } from "../../../src/domain/vaults/vault.ts";
import {
  accountId,
  bytewise,
  day,
  everyPage,
  hour,
  keyOf,
  otherAccountId,
  type Story,
  start,
  unchanged,
  type World,
} from "./world.ts";

const jobTopic = "arn:aws:sns:us-east-1:123456789012:of-the-job";

export function notificationStories(story: Story): void {
  for (const state of ["succeeded", "failed"] as const) {
    story(`a job that has ${state} leaves a message for its topic, which says what DescribeJob says`, async (world) => {
      const vault = await world.vault();
      const job = await world.inventoryJob(vault, { snsTopic: jobTopic });
      assert.deepEqual(await world.store.countNotifications(), { pending: 0, failed: 0 });
      await world.finish(start + hour, state);
      const found = await world.store.findJob({ vaultId: vault.id, jobId: job.id, completedSince: start });
      assert(found !== null);
      const [{ id, ...message }] = await claimed(world, start + hour);
      assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.deepEqual(message, {
        accountId,
        vaultArn: arnOf(vault),
        jobId: job.id,
        topic: jobTopic,
        message: compactJson(describeJob(found, vault)),
        createdAt: start + hour,
      });
    });
  }

  story(
    "a vault's topic has a message of each event that it asked for, in addition to the job's own, even the same",
    async (world) => {
      const { store } = world;
      const vault = await world.vault();
      const { archive } = await world.archive(vault);
      const topic = "arn:aws:sns:us-east-1:123456789012:of-the-vault";
      const asked = async (...events: VaultNotificationEvent[]) =>
        store.setNotifications({ ...unchanged({ vaultId: vault.id }), notifications: { topic, events } });
      const toldOf = async (job: Promise<Job>) => {
        const { action } = await job;
        await world.finish();
        const claims = await store.claimNotifications(inTurn({ now: start, leaseUntil: start + hour, limit: 9 }));
        for (const claim of claims) {
          assert.ok(claim.notification.message.startsWith(`{"Action":"${action}",`));
          await store.removeNotification(of(claim));
        }
        return claims.map(({ notification }) => notification.topic);
      };
      assert.deepEqual(await toldOf(world.archiveJob(vault, archive)), []);
      await asked("ArchiveRetrievalCompleted");
      assert.deepEqual(await toldOf(world.archiveJob(vault, archive)), [topic]);
      assert.deepEqual(await toldOf(world.inventoryJob(vault)), []);
      await asked("InventoryRetrievalCompleted");
      assert.deepEqual(await toldOf(world.archiveJob(vault, archive)), []);
      assert.deepEqual(await toldOf(world.inventoryJob(vault)), [topic]);
      await asked("ArchiveRetrievalCompleted", "InventoryRetrievalCompleted");
      const both = await toldOf(world.inventoryJob(vault, { snsTopic: jobTopic }));
      assert.deepEqual(new Set(both), new Set([topic, jobTopic]));
      assert.deepEqual(await toldOf(world.archiveJob(vault, archive, { snsTopic: topic })), [topic, topic]);
      await store.setNotifications({ ...unchanged({ vaultId: vault.id }), notifications: null });
      assert.deepEqual(await toldOf(world.inventoryJob(vault)), []);
    },
  );

  story("a message of a job with an output names the output", async (world) => {
    const vault = await world.vault();
    const job = await world.inventoryJob(vault, { snsTopic: jobTopic });
    const claim = await world.claim();
    const segment = await world.pending(job.id);
    const output = { segment, document: { segmentKey: segment.key, sizeBytes: 10, nextMarker: "more" } };
    const end = { state: "succeeded", statusMessage: "Succeeded", now: start, output } as const;
    assert.equal(await world.store.finishJob({ ...claim, ...end }), true);
    const [{ message }] = await claimed(world);
    assert.match(message, /"InventoryRetrievalParameters":\{[^}]*"Marker":"more"/);
    assert.match(message, /"InventorySizeInBytes":10,/);
  });

  story("a job without a topic leaves no message, nor does one whose claim was lost", async (world) => {
    const vault = await world.vault();
    await world.inventoryJob(vault);
    await world.finish();
    await world.inventoryJob(vault, { snsTopic: jobTopic });
    const lost = await world.claim(start, start + hour);
    await world.claim(start + hour);
    const end = { state: "failed", statusMessage: "", now: start + hour, output: null } as const;
    assert.equal(await world.store.finishJob({ ...lost, ...end }), false);
    assert.deepEqual(await world.store.countNotifications(), { pending: 0, failed: 0 });
  });

  story("a message waits, though its job and its vault have gone", async (world) => {
    const vault = await messages(world, 1);
    await world.store.removeVault({ key: vault, profile: "practical", expectedVersion: 0, now: start });
    assert.equal(await world.store.findVaultById(vault.id), null);
    const [claim] = await claim1(world, start);
    assert.equal(claim.notification.vaultArn, arnOf(vault));
  });

  story(
    "messages are claimed when they are due, the earliest first, no more than asked, each by one",
    async (world) => {
      const { store } = world;
      await messages(world, 6);
      assert.equal(await store.nextNotificationDue({ now: start - 1, dueAfter: null }), start);
      assert.deepEqual(
        await store.claimNotifications(inTurn({ now: start - 1, leaseUntil: start + hour, limit: 9 })),
        [],
      );
      const at = inTurn({ now: start + hour, leaseUntil: start + 2 * hour, limit: 2 });
      const claims = await Promise.all(Array.from({ length: 4 }, () => store.claimNotifications(at)));
      const times = claims.flat().map(({ notification }) => notification.createdAt);
      assert.deepEqual(
        times,
        [0, 1, 2, 3, 4, 5].map((count) => start + count),
      );
      assert.equal(await store.nextNotificationDue({ now: start + hour, dueAfter: null }), null);
      assert.equal(await store.nextNotificationDue({ now: start + 2 * hour, dueAfter: null }), start);
    },
  );

  story("accounts take turns at claims, and an account holds no more than its share", async (world) => {
    const { store } = world;
    await messages(world, 6);
    await messages(world, 2, otherAccountId);
    const at = { now: start + hour, leaseUntil: start + 2 * hour, perAccountMax: 3 };
    const owners = (claims: NotificationClaim[]) => claims.map(({ notification }) => notification.accountId);
    const first = await store.claimNotifications({ ...at, limit: 2, after: null, held: {} });
    assert.deepEqual(owners(first), [accountId, otherAccountId]);
    const second = await store.claimNotifications({ ...at, limit: 1, after: accountId, held: { [accountId]: 1 } });
    assert.deepEqual(owners(second), [otherAccountId]);
    const third = await store.claimNotifications({ ...at, limit: 9, after: null, held: { [accountId]: 1 } });
    assert.deepEqual(owners(third), [accountId, accountId]);
    assert.equal(await store.nextNotificationDue({ now: at.now, dueAfter: at.now }), null);
    assert.equal(await store.nextNotificationDue({ now: at.now, dueAfter: null }), start + 3);
  });

  story("a message that has arrived goes, once", async (world) => {
    await messages(world, 1);
    const [claim] = await claim1(world, start);
    assert.equal(await world.store.removeNotification(of(claim)), true);
    assert.equal(await world.store.removeNotification(of(claim)), false);
    assert.deepEqual(await listed(world), []);
  });

  story("a message that did not arrive waits until it is due again, and counts its attempts", async (world) => {
    const { store } = world;
    await messages(world, 1);
    const [first] = await claim1(world, start);
    assert.equal(first.attempts, 1);
    assert.equal(first.giveUpAt, start + deliveryMilliseconds);
    const later = { ...of(first), dueAt: start + hour, reason: "the endpoint answered 500" };
    assert.equal(await store.postponeNotification(later), true);
    assert.equal(await store.postponeNotification(later), false);
    assert.equal(await store.nextNotificationDue({ now: start, dueAfter: null }), start + hour);
    const [status] = await listed(world);
    assert.deepEqual(status, {
      ...first.notification,
      state: "pending",
      attempts: 1,
      dueAt: start + hour,
      failedAt: null,
      lastError: "the endpoint answered 500",
    });
    const [second] = await claim1(world, start + hour);
    assert.equal(second.attempts, 2);
    assert.deepEqual(second.notification, first.notification);
  });

  story("whoever lost the claim on a message changes nothing about it", async (world) => {
    const { store } = world;
    await messages(world, 1);
    const [lost] = await claim1(world, start);
    const [held] = await claim1(world, start + hour);
    assert.equal(await store.removeNotification(of(lost)), false);
    assert.equal(await store.postponeNotification({ ...of(lost), dueAt: start, reason: "" }), false);
    assert.equal(await store.failNotification({ ...of(lost), now: start, reason: "" }), false);
    assert.equal((await listed(world))[0]?.lastError, null);
    assert.equal(await store.removeNotification(of(held)), true);
  });

  story("a fresh start frees every message, and whoever claimed one before has lost it", async (world) => {
    await messages(world, 1);
    const [claim] = await claim1(world, start);
    await world.store.releaseLeases(start);
    assert.equal(await world.store.nextNotificationDue({ now: start, dueAfter: null }), start);
    assert.equal(await world.store.removeNotification(of(claim)), false);
  });

  story("a message that failed is not tried, until somebody asks for it", async (world) => {
    const { store } = world;
    await messages(world, 1);
    const [claim] = await claim1(world, start);
    assert.equal(await store.failNotification({ ...of(claim), now: start + hour, reason: "nobody there" }), true);
    assert.equal(await store.nextNotificationDue({ now: start + day, dueAfter: null }), null);
    assert.deepEqual(
      await store.claimNotifications(inTurn({ now: start + day, leaseUntil: start + 2 * day, limit: 1 })),
      [],
    );
    const [status] = await listed(world);
    assert.equal(status?.state, "failed");
    assert.equal(status?.failedAt, start + hour);
    assert.equal(status?.lastError, "nobody there");
    assert.deepEqual(await store.countNotifications(), { pending: 0, failed: 1 });

    const { id } = claim.notification;
    const now = start + 9 * day;
    assert.equal(await store.retryNotification({ accountId: otherAccountId, id, now }), false);
    assert.equal(await store.retryNotification({ accountId, id: "unknown", now }), false);
    assert.deepEqual(await store.countNotifications(), { pending: 0, failed: 1 });
    assert.equal(await store.retryNotification({ accountId, id, now }), true);
    const [again] = await claim1(world, now);
    assert.equal(again.attempts, 1);
    assert.equal(again.giveUpAt, now + deliveryMilliseconds);
    assert.deepEqual(again.notification, claim.notification);
  });

  story("to ask for a message that is being sent does not take it from whoever sends it", async (world) => {
    await messages(world, 1);
    const [claim] = await claim1(world, start);
    const { id } = claim.notification;
    assert.equal(await world.store.retryNotification({ accountId, id, now: start }), true);
    assert.equal(await world.store.nextNotificationDue({ now: start, dueAfter: null }), null);
    assert.equal(await world.store.removeNotification(of(claim)), true);
  });

  story("messages are listed oldest first, by account and state, without gaps", async (world) => {
    const { store } = world;
    await messages(world, 8);
    const claims = await store.claimNotifications(inTurn({ now: start + 3, leaseUntil: start + hour, limit: 9 }));
    for (const claim of claims) {
      await store.failNotification({ ...of(claim), now: start, reason: "" });
    }
    const all = await listed(world);
    assert.deepEqual(
      all.map(({ createdAt }) => createdAt - start),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    assert.deepEqual(await listed(world, "failed"), all.slice(0, 4));
    assert.deepEqual(await listed(world, "pending"), all.slice(4));
    const page = { accountId: otherAccountId, state: null, after: null, limit: 9 };
    assert.deepEqual(await store.listNotifications(page), []);
  });

  story("messages of one moment are listed by id", async (world) => {
    const vault = await world.vault();
    for (let count = 0; count < 7; count += 1) {
      await world.inventoryJob(vault, { snsTopic: jobTopic });
      await world.finish();
    }
    const ids = (await listed(world)).map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted(bytewise));
    assert.equal(new Set(ids).size, 7);
  });

  story("old failures are dropped no more at a time than asked; what waits stays", async (world) => {
    const { store } = world;
    await messages(world, 4);
    const claims = await store.claimNotifications(inTurn({ now: start + 2, leaseUntil: start + hour, limit: 9 }));
    for (const [index, claim] of claims.entries()) {
      await store.failNotification({ ...of(claim), now: start + index * hour, reason: "" });
    }
    assert.equal(await store.expireNotifications({ failedBefore: start, limit: 9 }), 0);
    assert.equal(await store.expireNotifications({ failedBefore: start + 2 * hour, limit: 1 }), 1);
    assert.equal(await store.expireNotifications({ failedBefore: start + 2 * hour, limit: 9 }), 1);
    assert.deepEqual(await store.countNotifications(), { pending: 1, failed: 1 });
  });
}

/** Adds `count` messages, a millisecond apart. */
async function messages(world: World, count: number, owner: AccountId = accountId): Promise<Vault> {
  const key = { ...keyOf("photos"), accountId: owner };
  await world.store.createVault({ id: newVaultId(), key, now: start });
  const vault = await world.seen(key);
  for (let index = 0; index < count; index += 1) {
    await world.inventoryJob(vault, { snsTopic: jobTopic });
    await world.finish(start + index);
  }
  return vault;
}

async function claim1(world: World, now: Instant): Promise<[NotificationClaim]> {
  const claims = await world.store.claimNotifications(inTurn({ now, leaseUntil: now + hour, limit: 9 }));
  assert.equal(claims.length, 1);
  return claims as [NotificationClaim];
}

async function claimed(world: World, now: Instant = start): Promise<[Notification]> {
  const [claim] = await claim1(world, now);
  return [claim.notification];
}

const inTurn = (at: Pick<AccountTurn, "now" | "leaseUntil" | "limit">): AccountTurn => ({
  ...at,
  after: null,
  perAccountMax: at.limit,
  held: {},
});
const of = ({ notification, fence }: NotificationClaim) => ({ id: notification.id, fence });

function listed(world: World, state: "pending" | "failed" | null = null): Promise<NotificationStatus[]> {
  return everyPage((after) => world.store.listNotifications({ accountId, state, after, limit: 3 }));
}
