import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { importInventory } from "../../src/catalog/inventory/import-inventory.ts";
import { recordedInventory, recordInventory } from "../../src/catalog/inventory/recorded-inventory.ts";
import { bind } from "../../src/catalog/opening/bind-to-vault.ts";
import { temporaryCatalog } from "../support/catalogs.ts";

const arnOf = (account: string) => `arn:aws:glacier:us-east-1:${account}:vaults/photos`;
const described = (account: string, createdAt: string) => ({
  ...{ VaultARN: arnOf(account), VaultName: "photos", CreationDate: createdAt },
  ...{ LastInventoryDate: null, NumberOfArchives: 0, SizeInBytes: 0 },
});
const [one, other] = ["012345678901", "109876543210"];
const date = "2026-01-02T03:04:05.678Z";

test("a catalogue stays with the account and the vault that it was first used with", () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  bind(catalog, described(one, date));
  bind(catalog, described(one, "2026-01-02T03:04:05.678+00:00"));
  assert.throws(() => bind(catalog, described(other, date)), {
    name: "CatalogError",
    message: `${catalog.path} is the catalogue of ${arnOf(one)}, and these credentials see ${arnOf(other)}: name another file with --catalog`,
  });
  assert.throws(() => bind(catalog, described(one, "2026-02-03T03:04:05.678Z")), /was created 2026-02-03/);
});

test("a catalogue is of the vault that its inventory has named", () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  recordInventory(catalog, { listedAt: null, listed: 0, leftOut: 0, vaultArn: arnOf(one) });
  assert.throws(() => bind(catalog, described(other, date)), /these credentials see/);
  bind(catalog, described(one, date));
});

test("the inventory of another account is not imported into a catalogue that is bound", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  bind(catalog, described(one, date));
  const text = JSON.stringify({ VaultARN: arnOf(other), InventoryDate: date, ArchiveList: [] });
  const { signal } = new AbortController();
  await assert.rejects(importInventory(catalog, Readable.from([Buffer.from(text)]), { signal }), {
    message: /^The inventory is of .*109876543210.*, not of .*012345678901/,
  });
  assert.equal(recordedInventory(catalog), null);
});
