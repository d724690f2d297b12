import { hash } from "node:crypto";
import { type Signing, signInHeader } from "../auth/signing.ts";
import { region, type TestServer } from "../support/server.ts";

/** A request in the parts that a raw-socket test puts together as it likes. */
export interface SignedText {
  readonly requestLine: string;
  /** `Name: value`, Host first. */
  readonly headers: readonly string[];
}

export interface TextOptions {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  /** @default "glacier" */
  readonly service?: string;
}

/** Signs a request for a test server; what is added to it afterwards is not signed. */
export function signedText({ port, key }: Pick<TestServer, "port" | "key">, options: TextOptions): SignedText {
  const { method, path, headers = {}, payloadHash = headers["x-amz-content-sha256"] ?? hash("sha256", "") } = options;
  const { service = "glacier" } = options;
  const [bare = "", query = ""] = path.split("?");
  const signing: Signing = {
    secretAccessKey: key.secretAccessKey,
    scope: { accessKeyId: key.accessKeyId, region, service },
    amzDate: new Date().toISOString().replace(/[-:]|\.[0-9]+/g, ""),
    payloadHash,
  };
  const plain: Array<[string, string]> = [
    ["Host", `127.0.0.1:${port}`],
    ["x-amz-glacier-version", "2012-06-01"],
    ...Object.entries(headers),
  ];
  const signed = signInHeader({ method, path: bare, query, headers: plain }, signing);
  return {
    requestLine: `${method} ${path} HTTP/1.1`,
    headers: signed.headers.map(([name, value]) => `${name}: ${value}`),
  };
}

export const textOf = ({ requestLine, headers }: SignedText, more: readonly string[] = [], body = ""): string =>
  `${[requestLine, ...headers, ...more].join("\r\n")}\r\n\r\n${body}`;
