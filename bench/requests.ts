import { createHmac, hash } from "node:crypto";
import { algorithm, canonicalRequest, formatAmzDate, formatScope, stringToSign } from "@moraine/protocol";
import { region, rootKey } from "../test/support/server-process.ts";
import type { Content } from "./source.ts";

interface Unsigned {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly service?: "glacier" | "moraine";
  readonly headers?: Readonly<Record<string, string>>;
  /** Its hash is signed. */
  readonly body?: Content | string;
}

/** Whole requests, signed for the next minutes, ready to be sent: signing them is no part of what is measured. */
export type SignedRequest = readonly Uint8Array[];

export class Requests {
  readonly #host: string;

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`;
  }

  createVault(vault: string): SignedRequest {
    return this.#sign({ method: "PUT", path: `/-/vaults/${vault}` });
  }

  describeVault(vault: string): SignedRequest {
    return this.#sign({ method: "GET", path: `/-/vaults/${vault}` });
  }

  uploadArchive(vault: string, content: Content): SignedRequest {
    const headers = { "x-amz-sha256-tree-hash": content.treeHash };
    return this.#sign({ method: "POST", path: `/-/vaults/${vault}/archives`, headers, body: content });
  }

  deleteArchive(vault: string, archiveId: string): SignedRequest {
    return this.#sign({ method: "DELETE", path: `/-/vaults/${vault}/archives/${archiveId}` });
  }

  retrieveArchive(vault: string, archiveId: string): SignedRequest {
    return this.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  }

  initiateJob(vault: string, parameters: object): SignedRequest {
    return this.#sign({ method: "POST", path: `/-/vaults/${vault}/jobs`, body: JSON.stringify(parameters) });
  }

  /** Only for a server whose clock is manual. */
  advanceClock(seconds: number): SignedRequest {
    const body = JSON.stringify({ Seconds: seconds });
    return this.#sign({ method: "POST", path: "/admin/clock", service: "moraine", body });
  }

  listJobs(vault: string): SignedRequest {
    return this.#sign({ method: "GET", path: `/-/vaults/${vault}/jobs` });
  }

  describeJob(vault: string, jobId: string): SignedRequest {
    return this.#sign({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}` });
  }

  getJobOutput(vault: string, jobId: string, range?: string): SignedRequest {
    const headers = range === undefined ? {} : { range };
    return this.#sign({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output`, headers });
  }

  #sign({ method, path, service = "glacier", headers = {}, body = "" }: Unsigned): SignedRequest {
    const bytes = typeof body === "string" ? Buffer.from(body) : body.bytes;
    const payloadHash = typeof body === "string" ? hash("sha256", body) : body.sha256;
    const amzDate = formatAmzDate(new Date());
    const all = {
      host: this.#host,
      "x-amz-content-sha256": payloadHash,
      "x-amz-date": amzDate,
      "x-amz-glacier-version": "2012-06-01",
      ...headers,
    };
    const signedHeaders = Object.keys(all).toSorted((a, b) => (a < b ? -1 : 1));
    const request = { method, path, query: "", headers: Object.entries(all), signedHeaders, payloadHash };
    const { accessKeyId } = rootKey;
    const scope = { accessKeyId, date: amzDate.slice(0, 8), region, service, terminator: "aws4_request" };
    const text = stringToSign(amzDate, scope, hash("sha256", canonicalRequest(request, "collapsed")));
    const signature = hmac(signingKey(scope.date, service), text).toString("hex");
    const credential = `${accessKeyId}/${formatScope(scope)}`;
    const authorization = `${algorithm} Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
    return plainRequest(method, path, { ...all, authorization }, bytes);
  }
}

function signingKey(date: string, service: string): Buffer {
  return [date, region, service, "aws4_request"].reduce<Buffer>(hmac, Buffer.from(`AWS4${rootKey.secretAccessKey}`));
}

/** A request without a signature, for the servers that ours is compared with. */
export function plainRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = { host: "127.0.0.1" },
  body: Uint8Array = new Uint8Array(),
): SignedRequest {
  const all = body.length === 0 ? headers : { ...headers, "content-length": String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return body.length === 0 ? [head] : [head, body];
}

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
