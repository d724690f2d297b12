import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ChainPlace } from "@moraine/protocol";

export const manifestName = "manifest.json";
export const databaseName = "moraine.db";

/** Facts of a backup, written once all else of it is durable. */
export interface Manifest {
  readonly format: 1;
  /** The name of its folder: when it began. Later ones sort after it. */
  readonly name: string;
  /** ISO 8601. Everything that was acknowledged before is in it. */
  readonly startedAt: string;
  readonly completedAt: string;
  readonly version: string;
  /** The last migration of the database. */
  readonly schema: string;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly generation: number;
  readonly auditHead: ChainPlace;
  readonly database: { readonly bytes: number; readonly sha256: string };
  readonly segments: { readonly count: number; readonly bytes: number };
  /** Segments that were missing or damaged in the data folder, and in no earlier backup either. */
  readonly missingSegments: number;
  /** Where the key is that opens the database's secrets: never in the backup. */
  readonly sealingKey: "secrets.key" | "elsewhere";
}

/** The manifest as it is kept, with a hash of itself. */
export const encodeManifest = (manifest: Manifest): string =>
  `${JSON.stringify({ ...manifest, sha256: hash("sha256", JSON.stringify(manifest)) }, null, 2)}\n`;

/** Throws, with a reason, when it is not as it was encoded. */
export function decodeManifest(text: string): Manifest {
  const { sha256, ...manifest } = JSON.parse(text);
  if (manifest.format !== 1) {
    throw new Error(`its format is ${manifest.format}, and this version knows 1`);
  }
  if (hash("sha256", JSON.stringify(manifest)) !== sha256) {
    throw new Error("it does not have its own hash");
  }
  return manifest;
}

/** A backup, or the reason why its manifest cannot be used. */
export type Backup =
  | { readonly name: string; readonly manifest: Manifest }
  | { readonly name: string; readonly manifest: null; readonly reason: string };

export async function hashOfFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
    digest.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: digest.digest("hex") };
}
