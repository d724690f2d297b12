import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Finding } from "../packages/server/src/verify/finding.ts";
import { Random } from "./support/random.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { findingsIn, stateOf } from "./support/verify/look.ts";
import { kindsOf } from "./support/verify/seeded-damages.ts";

// Damages at places that follow from a seed, each in a folder of its own. VERIFY_DAMAGES says how many, VERIFY_SEED which.

const count = Number(process.env["VERIFY_DAMAGES"] ?? 160);
const seed = Number(process.env["VERIFY_SEED"] ?? randomInt(2 ** 31));

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

test(`names each of ${count} damages and the things that they concern, and changes nothing (seed ${seed})`, async () => {
  const kinds = kindsOf(folders.yesterday);
  const unnamed: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const kind = kinds[index % kinds.length];
    assert.ok(kind);
    await using place = await temporaryFolder();
    const path = join(place.path, "data");
    await copyOf(folders[kind.folder], path);
    const { what, named } = await kind.damage(path, new Random(seed + index));
    // Hashing a folder takes longer than to check it.
    const damaged = index % 4 === 0 ? await stateOf(path) : null;
    const findings = await findingsIn(path, "deep");
    if (!findings.some((finding) => names(finding, named))) {
      unnamed.push(`${kind.name}: ${what}: expected ${JSON.stringify(named)}, found ${JSON.stringify(findings)}`);
    }
    if (damaged !== null) {
      assert.deepEqual(await stateOf(path), damaged, `${kind.name}: ${what}`);
    }
  }
  assert.deepEqual(unnamed, []);
  process.stdout.write(
    `${JSON.stringify({ rig: "verify-damages", seed, damages: count, kinds: kinds.length, unnamed: 0 })}\n`,
  );
});

const names = (finding: Finding, named: Partial<Finding>): boolean =>
  Object.entries(named).every(([name, value]) => finding[name as keyof Finding] === value);
