import { join } from "node:path";
import { after, before, describe } from "node:test";
import { S3Target } from "../../packages/cli/src/targets/s3/s3-target.ts";
import { targetContract } from "../../packages/cli/test/contract/target.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Copies of archives in real stores: Ceph's S3, and Swift's as the poorest dialect.

for (const name of ["ceph", "swift"] as const) {
  describe(`over ${name}`, { skip: missingEngine(name) }, () => {
    let engine: Engine;
    before(async () => {
      engine = await startEngine(name);
    });
    after(() => engine[Symbol.asyncDispose]());

    targetContract(`S3 of ${name}`, async () => {
      const place = s3Place(engine);
      const folder = await temporaryFolder();
      const store = lookInto(place, place.endpoint);
      return {
        open: () =>
          S3Target.open(place.url, { credentials: credentialsOf(engine), stateFolder: join(folder.path, "state") }),
        intruder: {
          write: async (location, bytes) => void (await store.put(location, bytes)),
          remove: async (location) => void (await store.remove(location)),
          read: (location) => store.read(location),
        },
        async [Symbol.asyncDispose]() {
          store.close();
          await folder[Symbol.asyncDispose]();
        },
      };
    });
  });
}

function credentialsOf({ variables }: Engine) {
  return async () => ({
    accessKeyId: variables["S3_ACCESS_KEY"] ?? "",
    secretAccessKey: variables["S3_SECRET_KEY"] ?? "",
  });
}
