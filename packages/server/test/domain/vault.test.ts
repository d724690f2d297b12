import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AccountId, GlacierError } from "@moraine/protocol";
import {
  arnOf,
  assertDeletable,
  type Vault,
  vaultCounters,
  writtenSinceInventory,
} from "../../src/domain/vaults/vault.ts";

const fresh: Vault = {
  accountId: "012345678901" as AccountId,
  region: "us-west-2",
  vaultName: "examplevault",
  id: "inner",
  createdAt: 0,
  archiveCount: 0,
  archiveBytes: 0,
  revision: 0,
  accessVersion: 0,
  inventory: null,
  accessPolicy: null,
  lock: null,
  notifications: null,
  tags: {},
};
const taken = (revision: number, archiveCount: number, archiveBytes: number) => ({
  inventory: { takenAt: 1, revision, archiveCount, archiveBytes, archiveSum: "" },
});
const refusal = {
  code: "InvalidParameterValueException",
  message: "Vault not empty or recently written to: arn:aws:glacier:us-west-2:012345678901:vaults/examplevault",
};

test("an ARN has the partition of its region", () => {
  assert.equal(
    arnOf({ ...fresh, region: "cn-north-1" }),
    "arn:aws-cn:glacier:cn-north-1:012345678901:vaults/examplevault",
  );
});

describe("counters", () => {
  const vault = { ...fresh, archiveCount: 3, archiveBytes: 100, revision: 5, ...taken(4, 2, 3_145_728) };

  test("`practical` counts what is there now, with 32 KiB for each archive", () => {
    assert.deepEqual(vaultCounters(vault, "practical"), { archiveCount: 3, sizeBytes: 100 + 3 * 32_768 });
  });

  test("`aws` counts what the last inventory saw, and nothing before the first", () => {
    assert.deepEqual(vaultCounters(vault, "aws"), { archiveCount: 2, sizeBytes: 3_145_728 + 2 * 32_768 });
    assert.deepEqual(vaultCounters({ ...vault, inventory: null }, "aws"), { archiveCount: 0, sizeBytes: 0 });
  });

  test("one archive of 3 MiB has the size of the guide's example", () => {
    const one = { ...fresh, archiveCount: 1, archiveBytes: 3_145_728, revision: 1 };
    assert.equal(vaultCounters(one, "practical").sizeBytes, 3_178_496);
  });
});

describe("deletion", () => {
  const cases: ReadonlyArray<readonly [name: string, vault: Vault, practical: boolean, aws: boolean]> = [
    ["a vault never written to", fresh, true, true],
    ["a vault with an archive", { ...fresh, archiveCount: 1, revision: 1 }, false, false],
    [
      "an inventoried vault with an archive",
      { ...fresh, archiveCount: 1, revision: 1, ...taken(1, 1, 5) },
      false,
      false,
    ],
    ["an emptied vault without an inventory", { ...fresh, revision: 2 }, true, false],
    ["a vault emptied since its inventory", { ...fresh, revision: 2, ...taken(1, 1, 5) }, true, false],
    ["a vault inventoried since it was emptied", { ...fresh, revision: 2, ...taken(2, 0, 0) }, true, true],
    ["an inventoried vault never written to", { ...fresh, ...taken(0, 0, 0) }, true, true],
    ["a vault filled and emptied since its empty inventory", { ...fresh, revision: 4, ...taken(2, 0, 0) }, true, false],
  ];
  for (const [name, vault, practical, aws] of cases) {
    for (const [profile, allowed] of [
      ["practical", practical],
      ["aws", aws],
    ] as const) {
      test(`${name} is ${allowed ? "deleted" : "refused"} in ${profile}`, () => {
        if (allowed) {
          assertDeletable(vault, profile);
        } else {
          assert.throws(
            () => assertDeletable(vault, profile),
            (error) =>
              error instanceof GlacierError && error.code === refusal.code && error.message === refusal.message,
          );
        }
      });
    }
  }

  test("the revision alone decides whether something was written", () => {
    assert.equal(writtenSinceInventory(fresh), false);
    assert.equal(writtenSinceInventory({ ...fresh, revision: 1 }), true);
    assert.equal(writtenSinceInventory({ ...fresh, revision: 1, ...taken(1, 0, 0) }), false);
  });
});
