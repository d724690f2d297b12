import { createHash, createHmac, randomUUID } from "node:crypto";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { SignatureV4 } from "@smithy/signature-v4";
import { sha256Of, treeHashOf } from "./content.ts";
import { region, rootKey } from "./server-process.ts";

// The API over plain node:http, signed by AWS's own signer: for tests that need to see or bound every byte, or many
// requests a second, where an SDK would be in the way.

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The hash of the body, if it is known already. */
  readonly bodyHash?: string;
  /** Milliseconds after which the second half of the body follows the first. @default all of it is sent at once */
  readonly pauseMilliseconds?: number;
  /** `moraine` for the admin API. @default glacier */
  readonly service?: "glacier" | "moraine";
}

/** A response that is no success, with what its body says. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly status: number;
  readonly code: string;

  constructor({ status, body }: Answer) {
    const { code, message } = JSON.parse(body.toString()) as { code: string; message: string };
    super(`${status} ${code}: ${message}`);
    this.status = status;
    this.code = code;
  }
}

/** For AWS's signer. */
export class Sha256 {
  readonly #hash: { update(data: Uint8Array | string): unknown; digest(): Buffer };
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Uint8Array);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    throw new Error("never needed");
  }
}

type Key = typeof rootKey;
const signerFor = (credentials: Key, service: string) =>
  new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: false });
const noBody = new Uint8Array();

export class GlacierHttp {
  readonly #url: URL;
  readonly #signers: Readonly<Record<"glacier" | "moraine", SignatureV4>>;
  readonly #agent = new Agent({ keepAlive: true });
  /** How far the server's clock is ahead of this one's: requests are signed for it. */
  clockAheadMilliseconds = 0;

  constructor(url: string, key: Key = rootKey) {
    this.#url = new URL(url);
    this.#signers = { glacier: signerFor(key, "glacier"), moraine: signerFor(key, "moraine") };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves with the head of any response; rejects when the connection breaks before it. */
  async open(call: Call): Promise<IncomingMessage> {
    const { method, path, query = {}, body = noBody } = call;
    const { headers } = await this.#signers[call.service ?? "glacier"].sign(
      {
        method,
        protocol: "http:",
        hostname: this.#url.hostname,
        path,
        query: { ...query },
        headers: {
          host: this.#url.host,
          "x-amz-glacier-version": "2012-06-01",
          "x-amz-content-sha256": call.bodyHash ?? sha256Of(body),
          ...call.headers,
        },
      },
      { signingDate: new Date(Date.now() + this.clockAheadMilliseconds) },
    );
    const search = new URLSearchParams(query).toString();
    return new Promise((resolve, reject) => {
      const options = {
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path: search === "" ? path : `${path}?${search}`,
        headers: { ...headers, "content-length": String(body.length) },
      };
      const sending = request(options, resolve).on("error", reject);
      if (call.pauseMilliseconds === undefined) {
        sending.end(body);
      } else {
        const half = Math.floor(body.length / 2);
        sending.write(body.subarray(0, half));
        setTimeout(() => sending.end(body.subarray(half)), call.pauseMilliseconds);
      }
    });
  }

  async send(call: Call): Promise<Answer> {
    const message = await this.open(call);
    const pieces: Buffer[] = [];
    for await (const piece of message) {
      pieces.push(piece);
    }
    return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(pieces) };
  }

  /** Like `send`, but throws RefusedError on a response that is no success. */
  async demand(call: Call): Promise<Answer> {
    const answer = await this.send(call);
    if (answer.status >= 300) {
      throw new RefusedError(answer);
    }
    return answer;
  }

  /** A call of the admin API; resolves to what it answers. */
  async admin(method: string, path: string, body?: object): Promise<unknown> {
    const bytes = body === undefined ? noBody : Buffer.from(JSON.stringify(body));
    // As SDKs do: calls of one second that are equal otherwise are distinguished, and none counts as a replay.
    const headers = { "amz-sdk-invocation-id": randomUUID() };
    const answer = await this.demand({ method, path: `/admin${path}`, headers, body: bytes, service: "moraine" });
    return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString());
  }

  async createVault(vault: string): Promise<void> {
    await this.demand({ method: "PUT", path: `/-/vaults/${vault}` });
  }

  async uploadArchive(vault: string, bytes: Uint8Array, description: string): Promise<string> {
    const answer = await this.demand({
      method: "POST",
      path: `/-/vaults/${vault}/archives`,
      headers: { "x-amz-archive-description": description, "x-amz-sha256-tree-hash": treeHashOf(bytes) },
      body: bytes,
    });
    return String(answer.headers["x-amz-archive-id"]);
  }

  async deleteArchive(vault: string, archiveId: string): Promise<void> {
    await this.demand({ method: "DELETE", path: `/-/vaults/${vault}/archives/${archiveId}` });
  }

  async initiateJob(vault: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const body = Buffer.from(JSON.stringify(parameters));
    const answer = await this.demand({ method: "POST", path: `/-/vaults/${vault}/jobs`, body });
    return String(answer.headers["x-amz-job-id"]);
  }

  async describeJob(vault: string, jobId: string): Promise<{ StatusCode: string; StatusMessage: string | null }> {
    const answer = await this.demand({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}` });
    return JSON.parse(answer.body.toString());
  }

  /** Resolves when the job has succeeded, and rejects when it has failed. */
  async jobSucceeded(vault: string, jobId: string, secondsMax = 30): Promise<void> {
    const end = performance.now() + secondsMax * 1000;
    for (let pause = 2; performance.now() < end; pause = Math.min(2 * pause, 250)) {
      const { StatusCode, StatusMessage } = await this.describeJob(vault, jobId);
      if (StatusCode === "Succeeded") {
        return;
      }
      if (StatusCode === "Failed") {
        throw new Error(`Job ${jobId} failed: ${StatusMessage}`);
      }
      await sleep(pause);
    }
    throw new Error(`Job ${jobId} has not completed in ${secondsMax} s`);
  }

  async jobOutput(vault: string, jobId: string): Promise<Buffer> {
    return (await this.demand({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output` })).body;
  }

  /** The archive's bytes, through a job. */
  async retrieve(vault: string, archiveId: string): Promise<Buffer> {
    const jobId = await this.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    await this.jobSucceeded(vault, jobId);
    return this.jobOutput(vault, jobId);
  }

  async inventory(vault: string): Promise<InventoryEntry[]> {
    const jobId = await this.initiateJob(vault, { Type: "inventory-retrieval" });
    await this.jobSucceeded(vault, jobId);
    return JSON.parse((await this.jobOutput(vault, jobId)).toString()).ArchiveList;
  }
}

export interface InventoryEntry {
  readonly ArchiveId: string;
  readonly ArchiveDescription: string;
  readonly CreationDate: string;
  readonly Size: number;
  readonly SHA256TreeHash: string;
}
