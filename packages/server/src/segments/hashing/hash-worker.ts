import { createHash, type Hash, hash } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { LeafHashes } from "./content-hash.ts";
import type { HashReply, HashRequest, Leaves } from "./hash-lane.ts";

/** One lane of the pool: keeps the running hashes of many bodies, and hashes blocks of shared memory in order of arrival. */
const running = new Map<number, Hash | LeafHashes>();

/** The thread that feeds this one has priority: otherwise there is soon nothing to hash. */
const niceness = 4;

// On Linux, setPriority affects only the calling thread; elsewhere, the entire process.
if (process.platform === "linux") {
  setPriority(niceness);
}

/** Each message is answered by one, also when there is nothing to say: it tells that the next may come. */
parentPort?.on("message", (requests: readonly HashRequest[]) => {
  const replies = requests.map(answer).filter((reply) => reply !== null);
  parentPort?.postMessage(replies, replies.flatMap(buffersOf));
});

function answer(request: HashRequest): HashReply | null {
  const { id } = request;
  switch (request.do) {
    case "start":
      running.set(id, request.kind === "linear" ? createHash("sha256") : new LeafHashes(request.leavesMax));
      return null;
    case "update":
      running.get(id)?.update(request.bytes);
      return { id, done: "update" };
    case "digest":
      return { id, done: "digest", digest: finish(id) };
    case "sha256":
      return { id, done: "digest", digest: hash("sha256", request.bytes, "hex") };
    case "abandon":
      running.delete(id);
      return null;
  }
}

/** Leaf hashes move to the other thread without a copy. */
const buffersOf = (reply: HashReply): ArrayBuffer[] =>
  reply.done === "digest" && typeof reply.digest !== "string" ? [reply.digest.leaves.buffer] : [];

function finish(id: number): string | Leaves {
  const ended = running.get(id);
  running.delete(id);
  if (ended === undefined) {
    throw new Error("A digest was asked for twice");
  }
  return ended instanceof LeafHashes ? ended.digest() : ended.digest("hex");
}
