import { describe, test } from "node:test";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { accessKeyStories } from "./metadata/access-keys.ts";
import { accountSettingsStories } from "./metadata/account-settings.ts";
import { archiveStories } from "./metadata/archives.ts";
import { contentsStories } from "./metadata/contents.ts";
import { damageStories } from "./metadata/damage.ts";
import { deletedArchiveStories } from "./metadata/deleted-archives.ts";
import { identityStories } from "./metadata/identities.ts";
import { installationStories } from "./metadata/installation.ts";
import { inventoryStories } from "./metadata/inventories.ts";
import { jobStories } from "./metadata/jobs.ts";
import { notificationStories } from "./metadata/notifications.ts";
import { scrubStories } from "./metadata/scrub.ts";
import { segmentStories } from "./metadata/segments.ts";
import { trustedTimeStories } from "./metadata/trusted-time.ts";
import { uploadStories } from "./metadata/uploads.ts";
import { vaultSettingsStories } from "./metadata/vault-settings.ts";
import { vaultStories } from "./metadata/vaults.ts";
import { type Story, World } from "./metadata/world.ts";

/** The tests that every metadata driver must pass. `open` gives an empty store; the tests close it. */
export function metadataStoreContract(name: string, open: () => Promise<MetadataStore>): void {
  const story: Story = (sentence, body) => {
    test(sentence, async () => {
      const store = await open();
      try {
        await body(new World(store));
      } finally {
        await store.close();
      }
    });
  };
  describe(`metadata store, ${name}`, () => {
    describe("vaults", () => vaultStories(story));
    describe("archives", () => archiveStories(story));
    describe("deleted archives", () => deletedArchiveStories(story));
    describe("inventories", () => inventoryStories(story));
    describe("segments", () => segmentStories(story));
    describe("multipart uploads", () => uploadStories(story));
    describe("jobs", () => jobStories(story));
    describe("settings of vaults", () => vaultSettingsStories(story));
    describe("settings of accounts", () => accountSettingsStories(story));
    describe("accounts, users and policies", () => identityStories(story));
    describe("access keys", () => accessKeyStories(story));
    describe("notifications", () => notificationStories(story));
    describe("damage", () => damageStories(story));
    describe("scrub", () => scrubStories(story));
    describe("contents", () => contentsStories(story));
    describe("trusted time", () => trustedTimeStories(story));
    describe("installation", () => installationStories(story));
  });
}
