import { readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { leafSizeBytes } from "@moraine/protocol";
import type { DigestReply, DigestRequest, FilePart } from "./digest-pool.ts";
import { digestOfBytes, type PartDigest, PartHasher, type Wanted } from "./part-digest.ts";

/** A thread of the pool. It hashes a part of a file, which it reads itself, or bytes that are moved to it. */
const leaf = new Uint8Array(leafSizeBytes);

parentPort?.on("message", (request: DigestRequest) => {
  const reply = answer(request);
  parentPort?.postMessage(reply, reply.bytes === undefined ? [] : [reply.bytes.buffer]);
});

function answer({ id, wanted, source }: DigestRequest): DigestReply {
  try {
    return source instanceof Uint8Array
      ? { id, digest: digestOfBytes(source, wanted), bytes: source }
      : { id, digest: digestOfFile(source, wanted) };
  } catch (error) {
    return { id, error: error as Error };
  }
}

function digestOfFile({ fd, firstByte, lastByte }: FilePart, wanted: Wanted): PartDigest {
  const hasher = new PartHasher(wanted);
  for (let position = firstByte; position <= lastByte; position += leafSizeBytes) {
    const length = Math.min(leafSizeBytes, lastByte + 1 - position);
    fill(fd, length, position);
    hasher.update(leaf.subarray(0, length));
  }
  return hasher.digest();
}

function fill(fd: number, length: number, position: number): void {
  for (let done = 0; done < length; ) {
    const read = readSync(fd, leaf, done, length - done, position + done);
    if (read === 0) {
      throw new Error(`The file ends at byte ${position + done}, before the end of the part`);
    }
    done += read;
  }
}
