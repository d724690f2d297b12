import { contentOf, treeHashOf } from "../content.ts";
import { type Call, GlacierHttp } from "../glacier-http.ts";
import { startServer } from "../server-process.ts";
import type { Promised } from "./power-cuts.ts";
import type { DiskRig } from "./rig.ts";
import type { TraceEvent } from "./trace.ts";

export const vault = "recorded";
const partSizeBytes = 1024 ** 2;
const writersMax = 8;

export interface RecordedRun {
  readonly events: readonly TraceEvent[];
  /** By the id of the request whose response promised it. */
  readonly promises: ReadonlyMap<string, Promised>;
}

/** Stores archives on a server whose disk is recorded, and notes what each response promises. */
export async function recordRun(
  dataFolder: string,
  rig: DiskRig,
  work: (client: RecordingClient) => Promise<void>,
): Promise<RecordedRun> {
  await using server = await startServer({ dataFolder, environment: rig.environment });
  const glacier = new GlacierHttp(server.url);
  const client = new RecordingClient(glacier);
  try {
    await glacier.createVault(vault);
    await work(client);
  } finally {
    glacier.close();
  }
  await server.kill();
  return { events: await rig.events(), promises: client.promises };
}

export class RecordingClient {
  readonly promises = new Map<string, Promised>();
  readonly #glacier: GlacierHttp;
  #seed = 0;

  constructor(glacier: GlacierHttp) {
    this.#glacier = glacier;
  }

  /** Stores this many archives, several at once. */
  async uploadMany(count: number, sizeBytes: number): Promise<void> {
    let left = count;
    const writer = async () => {
      while (left > 0) {
        left -= 1;
        await this.upload(sizeBytes);
      }
    };
    await Promise.all(Array.from({ length: Math.min(count, writersMax) }, writer));
  }

  async upload(sizeBytes: number): Promise<string> {
    const bytes = this.#newContent(sizeBytes);
    const headers = { "x-amz-sha256-tree-hash": treeHashOf(bytes), "x-amz-archive-description": "d".repeat(1000) };
    return this.#promise({ method: "POST", path: `/-/vaults/${vault}/archives`, headers, body: bytes }, (id) => ({
      kind: "archive",
      id,
      bytes,
    }));
  }

  async remove(id: string): Promise<void> {
    const call = { method: "DELETE", path: `/-/vaults/${vault}/archives/${id}` };
    await this.#promise(call, () => ({ kind: "deletion", id }));
  }

  /** Sends this many parts; completes the upload if `completes`. */
  async uploadInParts(parts: number, completes: boolean): Promise<void> {
    const path = `/-/vaults/${vault}/multipart-uploads`;
    const headers = { "x-amz-part-size": String(partSizeBytes) };
    const answer = await this.#glacier.demand({ method: "POST", path, headers });
    const uploadId = String(answer.headers["x-amz-multipart-upload-id"]);
    const sent: Buffer[] = [];
    for (let part = 0; part < parts; part += 1) {
      const bytes = this.#newContent(partSizeBytes);
      sent.push(bytes);
      const firstByte = part * partSizeBytes;
      const range = `bytes ${firstByte}-${firstByte + bytes.length - 1}/*`;
      const partHeaders = { "content-range": range, "x-amz-sha256-tree-hash": treeHashOf(bytes) };
      const call = { method: "PUT", path: `${path}/${uploadId}`, headers: partHeaders, body: bytes };
      if (completes) {
        await this.#glacier.demand(call);
      } else {
        await this.#promise(call, () => ({ kind: "part", uploadId, firstByte, bytes }));
      }
    }
    if (completes) {
      const bytes = Buffer.concat(sent);
      const claim = { "x-amz-archive-size": String(bytes.length), "x-amz-sha256-tree-hash": treeHashOf(bytes) };
      const call = { method: "POST", path: `${path}/${uploadId}`, headers: claim };
      await this.#promise(call, (id) => ({ kind: "archive", id, bytes }));
    }
  }

  async #promise(call: Call, promisedBy: (archiveId: string) => Promised): Promise<string> {
    const { headers } = await this.#glacier.demand(call);
    const archiveId = String(headers["x-amz-archive-id"]);
    this.promises.set(String(headers["x-amzn-requestid"]), promisedBy(archiveId));
    return archiveId;
  }

  #newContent(sizeBytes: number): Buffer {
    this.#seed += 1;
    return contentOf(this.#seed, sizeBytes);
  }
}
