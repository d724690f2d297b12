import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { deny, policy } from "../support/admin.ts";
import { arn } from "../support/glacier.ts";
import { KeptVault, vault } from "./kept-vault.ts";
import { attempts } from "./removal-attempts.ts";

// Nobody removes or changes an archive that a complete lock protects, whichever way is tried, the account's root included.

const everyone = { Principal: "*" };
const locks = {
  "that denies DeleteArchive": policy(deny("glacier:DeleteArchive", arn(vault), everyone)),
  "that keeps archives for a year": policy(
    deny("glacier:DeleteArchive", arn(vault), {
      ...everyone,
      Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "365" } },
    }),
  ),
  "that denies all changes": policy(
    deny(
      ["glacier:Delete*", "glacier:Upload*", "glacier:Abort*", "glacier:Complete*", "glacier:*Tags*", "glacier:Set*"],
      arn(vault),
      everyone,
    ),
  ),
};

for (const [name, document] of Object.entries(locks)) {
  describe(`under a lock ${name}, no archive is removed or changed by`, () => {
    let kept: KeptVault;
    let locked: string;
    const lockPolicy = async () => (await kept.onVault("GET", "/lock-policy")).text;
    before(async () => {
      kept = await KeptVault.make();
      await kept.lock(document);
      locked = await lockPolicy();
    });
    after(() => kept[Symbol.asyncDispose]());

    for (const { what, refused, make } of attempts) {
      test(what, async () => {
        const answers = (await make(kept)) ?? [];
        assert.equal(answers.length > 0, refused);
        for (const { status, text } of answers) {
          assert.ok(status === 400 || status === 403 || status === 404, `${status} ${text}`);
        }
        await kept.assertUnchanged();
        assert.equal(await lockPolicy(), locked);
      });
    }
  });
}

test("without a lock, the same deletions are done", async () => {
  await using kept = await KeptVault.make();
  for (const { status, text } of await kept.deleteAll()) {
    assert.equal(status, 204, text);
  }
  await assert.rejects(kept.assertUnchanged());
  assert.equal((await kept.onVault("DELETE")).status, 204);
});
