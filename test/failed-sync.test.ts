import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { contentOf } from "./support/content.ts";
import { DiskModel, nothingUnsynced } from "./support/disk-rig/disk-model.ts";
import { DiskRig } from "./support/disk-rig/rig.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// After a sync that failed, the page cache shows what the disk never got, and a restarted server reads it from there.

const vault = "kept";

test("changes acknowledged by a restart after a failed sync of the log outlive a power cut", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await mkdir(dataFolder);
  const rig = await DiskRig.create(folder.path, dataFolder);
  const acknowledged = ["before the failure"];
  {
    await using first = await startServer({ dataFolder, environment: rig.environment });
    const glacier = new GlacierHttp(first.url);
    await glacier.createVault(vault);
    await glacier.uploadArchive(vault, contentOf(0, 1000), "before the failure");
    await rig.fail({ call: "sync", pattern: "*/moraine.db-wal", count: 1, outcome: "EIO" });
    await assert.rejects(glacier.uploadArchive(vault, contentOf(1, 1000), "failed"));
    assert.equal((await first.ended).code, 1);
    glacier.close();
  }
  await rig.lift();
  {
    await using second = await startServer({ dataFolder, environment: rig.environment });
    const glacier = new GlacierHttp(second.url);
    for (let index = 0; index < 4; index += 1) {
      await glacier.uploadArchive(vault, contentOf(2 + index, 1000), `after ${index}`);
      acknowledged.push(`after ${index}`);
    }
    glacier.close();
    await second.kill();
  }
  const model = new DiskModel(dataFolder);
  for (const event of await rig.events()) {
    model.apply(event);
  }
  const image = join(folder.path, "image");
  await model.materialize(image, nothingUnsynced);

  await using third = await startServer({ dataFolder: image });
  const glacier = new GlacierHttp(third.url);
  const listed = (await glacier.inventory(vault)).map(({ ArchiveDescription }) => ArchiveDescription);
  glacier.close();
  for (const name of acknowledged) {
    assert.ok(listed.includes(name), `${name} is among ${listed.join(", ")}`);
  }
});
