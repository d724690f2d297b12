import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { treeHashOf } from "../content.ts";
import { GlacierHttp } from "../glacier-http.ts";
import { untilTrue } from "../sdk-client.ts";
import {
  cleanEnvironment,
  endingOf,
  repositoryRoot,
  type ServerProcess,
  startServer,
  within,
} from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { ColdProxy } from "./cold-proxy.ts";
import { lookInto } from "./s3-keys.ts";
import type { S3Place } from "./s3-place.ts";

export const vault = "photos";
/** In seconds, as the clock is moved by. */
export const minute = 60;

interface Parts {
  readonly proxy: ColdProxy;
  readonly dataFolder: string;
  readonly flags: readonly string[];
  readonly look: ReturnType<typeof lookInto>;
  readonly started: AsyncDisposableStack;
}

/** A server process with a manual clock, whose archives are in a bucket behind the proxy. */
export class ColdService implements AsyncDisposable {
  readonly #parts: Parts;
  #place: S3Place;
  #server: ServerProcess;
  #http: GlacierHttp;

  private constructor(parts: Parts, place: S3Place, server: ServerProcess) {
    this.#parts = parts;
    this.#place = place;
    this.#server = server;
    this.#http = new GlacierHttp(server.url);
  }

  static async start(proxy: ColdProxy, place: S3Place, flags: readonly string[]): Promise<ColdService> {
    const started = new AsyncDisposableStack();
    const { path: dataFolder } = started.use(await temporaryFolder());
    const look = lookInto(place, proxy.url);
    started.defer(() => look.close());
    const parts = { proxy, dataFolder, flags, look, started };
    const service = new ColdService(parts, place, await startAt(parts, place));
    started.defer(() => service.#end());
    await service.http.createVault(vault);
    return service;
  }

  /** Another one after each restart. */
  get http(): GlacierHttp {
    return this.#http;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.started.disposeAsync();
  }

  /** Fails unless it ends in order. */
  stop(): Promise<unknown> {
    return this.#server.stop();
  }

  kill(): Promise<unknown> {
    return this.#server.kill();
  }

  async restart(place: S3Place = this.#place): Promise<void> {
    await this.#end();
    this.#parts.proxy.resetCounts();
    this.#place = place;
    this.#server = await startAt(this.#parts, place);
    this.#http = new GlacierHttp(this.#server.url);
  }

  advance(seconds: number): Promise<unknown> {
    return this.#http.admin("POST", "/clock", { Seconds: seconds });
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.#server.metricsUrl}/metrics`)).text();
  }

  /** The keys of all segments. */
  async keys(): Promise<string[]> {
    return (await this.#parts.look.keys()).filter((key) => key.startsWith("segments/"));
  }

  /** The keys of the segments of an archive or a job. */
  async keysOf(owner: string): Promise<string[]> {
    return (await this.keys()).filter((key) => key.includes(`/${owner}.`));
  }

  coldKeys(): string[] {
    return [...this.#parts.proxy.classes.keys()].filter((key) => key.startsWith(this.#place.prefix));
  }

  /** The classes of the segments of an archive or a job. */
  async classesOf(owner: string): Promise<string[]> {
    const { classes } = this.#parts.proxy;
    return (await this.keysOf(owner)).map((key) => classes.get(`${this.#place.prefix}/${key}`) ?? "STANDARD");
  }

  async removeSegments(owner: string): Promise<void> {
    for (const key of await this.keysOf(owner)) {
      await this.#parts.look.remove(key);
    }
  }

  /** Stores other bytes at a key. */
  async put(key: string, storageClass: "STANDARD" | "DEEP_ARCHIVE"): Promise<void> {
    await this.#parts.look.put(key, "x".repeat(1000), storageClass);
  }

  /** Resolves when the archive has this number of segments in the class. */
  async untilMoved(archiveId: string, count = 1, storageClass = "DEEP_ARCHIVE"): Promise<void> {
    await this.advance(10 * minute);
    await untilTrue("the archive is cold", async () => {
      const found = await this.classesOf(archiveId);
      return found.filter((name) => name === storageClass).length === count;
    });
  }

  retrieval(archiveId: string, Tier = "Standard"): Promise<string> {
    return this.#http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId, Tier });
  }

  async status(jobId: string): Promise<string> {
    return (await this.#http.describeJob(vault, jobId)).StatusCode;
  }

  /** Resolves to a job that has had the archive restored. */
  async restored(archiveId: string, tier?: string): Promise<string> {
    const { proxy } = this.#parts;
    const jobId = await this.retrieval(archiveId, tier);
    await untilTrue("the archive is asked for", async () => {
      await this.advance(minute);
      return proxy.ongoing.length > 0;
    });
    assert.equal(await this.status(jobId), "InProgress");
    proxy.finishRestores();
    await this.untilSucceeded([jobId]);
    return jobId;
  }

  async untilSucceeded(jobIds: readonly string[]): Promise<void> {
    await untilTrue("the jobs have succeeded", async () => {
      await this.advance(minute);
      const found = await Promise.all(jobIds.map((jobId) => this.status(jobId)));
      assert.ok(!found.includes("Failed"));
      return found.every((status) => status === "Succeeded");
    });
  }

  /** Resolves to the output of a command about objects without rows. */
  async orphans(name: "verify" | "repair", ...more: string[]): Promise<string> {
    const { dataFolder } = this.#parts;
    const program = join(repositoryRoot, `packages/server/src/${name}/main.ts`);
    const data = name === "verify" ? ["--data", dataFolder] : [dataFolder];
    const args = ["--orphans", ...data, "--blobs", this.#place.url, "--json", ...more];
    const child = spawn(process.execPath, ["--conditions=@moraine/source", program, ...args], {
      env: { ...cleanEnvironment(), ...this.#place.environment },
    });
    const { code, stdout, stderr } = await within(60_000, endingOf(child), name);
    assert.equal(code, 1, stderr);
    return stdout;
  }

  async #end(): Promise<void> {
    this.#http.close();
    await this.#server[Symbol.asyncDispose]();
  }
}

const startAt = ({ dataFolder, flags }: Parts, { url, environment }: S3Place): Promise<ServerProcess> =>
  startServer({
    dataFolder,
    flags: ["--blobs", url, "--clock", "manual", "--metrics-listen", "127.0.0.1:0", ...flags],
    environment,
  });

/** Resolves to the path of the upload. */
export async function initiateUpload(http: GlacierHttp, partSize: number): Promise<string> {
  const path = `/-/vaults/${vault}/multipart-uploads`;
  const begun = await http.demand({ method: "POST", path, headers: { "x-amz-part-size": String(partSize) } });
  return `${path}/${begun.headers["x-amz-multipart-upload-id"]}`;
}

export async function uploadPart(http: GlacierHttp, upload: string, body: Buffer, start: number): Promise<void> {
  const range = { "content-range": `bytes ${start}-${start + body.length - 1}/*` };
  await http.demand({ method: "PUT", path: upload, headers: { ...claims(body), ...range }, body });
}

export async function uploadInParts(http: GlacierHttp, bytes: Buffer, partSize: number): Promise<string> {
  const upload = await initiateUpload(http, partSize);
  for (let start = 0; start < bytes.length; start += partSize) {
    await uploadPart(http, upload, bytes.subarray(start, start + partSize), start);
  }
  const headers = { ...claims(bytes), "x-amz-archive-size": String(bytes.length) };
  const { headers: found } = await http.demand({ method: "POST", path: upload, headers });
  return String(found["x-amz-archive-id"]);
}

const claims = (bytes: Buffer) => ({ "x-amz-sha256-tree-hash": treeHashOf(bytes) });
