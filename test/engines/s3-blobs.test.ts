import { after, before, describe } from "node:test";
import type { S3BlobStore } from "../../packages/server/src/storage/blobs/s3/s3-blob-store.ts";
import { blobStoreContract } from "../../packages/server/test/contract/blob-store.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { openS3Store } from "../support/engines/s3-store.ts";

// The contract of blob stores over S3: Ceph's, and Swift's as the poorest dialect.

for (const name of ["ceph", "swift"] as const) {
  describe(`over ${name}`, { skip: missingEngine(name) }, () => {
    let engine: Engine;
    const stores: S3BlobStore[] = [];

    before(async () => {
      engine = await startEngine(name);
    });
    after(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await engine[Symbol.asyncDispose]();
    });

    blobStoreContract(`S3 of ${name}`, async () => {
      const store = await openS3Store(s3Place(engine));
      stores.push(store);
      return store;
    });
  });
}
