import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { LeafHasher } from "./content-hash.ts";
import type { HashReply, HashRequest } from "./hash-pool.ts";

/** One lane of the pool: keeps the running hashes of many bodies, and hashes blocks of shared memory in order of arrival. */
const running = new Map<number, Hash | LeafHasher>();

parentPort?.on("message", (request: HashRequest) => {
  const reply = answer(request);
  if (reply !== null) {
    parentPort?.postMessage(reply);
  }
});

function answer(request: HashRequest): HashReply | null {
  const { id } = request;
  switch (request.do) {
    case "start":
      running.set(id, request.kind === "linear" ? createHash("sha256") : new LeafHasher());
      return null;
    case "update":
      running.get(id)?.update(request.bytes);
      return { id, done: "update" };
    case "digest":
      return { id, done: "digest", digest: finish(id) };
    case "abandon":
      running.delete(id);
      return null;
  }
}

function finish(id: number): string | { treeHash: string; leaves: Uint8Array } {
  const hash = running.get(id);
  running.delete(id);
  if (hash === undefined) {
    throw new Error("A digest was asked for twice");
  }
  return hash instanceof LeafHasher ? hash.digest() : hash.digest("hex");
}
