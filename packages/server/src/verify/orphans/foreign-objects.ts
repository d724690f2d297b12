import { boundName } from "../../storage/bucket-binding.ts";
import type { Bucket } from "../../storage/s3/bucket.ts";
import type { Finding } from "../finding.ts";

const probePattern = /^probe\.[0-9a-f-]{36}$/;

/** Yields a finding for each object and folder next to the segments that is not of this service. */
export async function* foreignEntries(bucket: Pick<Bucket, "entries">, changedBefore: number): AsyncGenerator<Finding> {
  for await (const page of bucket.entries()) {
    for (const { name, changedAt } of page) {
      const isYoung = changedAt !== null && changedAt >= changedBefore;
      if (name !== "segments/" && name !== boundName && !isYoung) {
        yield probePattern.test(name)
          ? { code: "object-foreign", message: "a node's check of the bucket left it: it may be removed", object: name }
          : foreignObject(name);
      }
    }
  }
}

export const foreignObject = (name: string): Finding => ({
  code: "object-foreign",
  message: name.endsWith("/")
    ? "the objects of the folder are not of this service"
    : "the object is not of this service",
  object: name,
});
