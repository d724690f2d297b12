import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

/** Host names of AWS that certificates are made for. */
const awsNames = [
  "*.us-east-1.amazonaws.com",
  "*.eu-west-1.amazonaws.com",
  "*.cn-north-1.amazonaws.com.cn",
  "*.amazonaws.com",
];

/**
 * Endpoints that note who asks whom for which vault, and respond as Glacier would. One of them is a proxy that stands for all of AWS, and
 * for STS, which gives keys of a role.
 */
export class RecordingEndpoints implements AsyncDisposable {
  /** By vault: the endpoint, the key's id, and the session token if there is one. */
  readonly asked = new Map<string, string>();
  readonly ca: string;
  readonly #servers: Server[] = [];

  private constructor(folder: string) {
    this.ca = join(folder, "ca.pem");
  }

  static async start(folder: string): Promise<RecordingEndpoints> {
    const endpoints = new RecordingEndpoints(folder);
    const names = awsNames.map((name) => `DNS:${name}`).join(",");
    const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const subject = ["-subj", "/CN=aws", "-addext", `subjectAltName=${names}`];
    const key = join(folder, "key.pem");
    await promisify(execFile)("openssl", [
      "req",
      "-x509",
      ...options,
      ...subject,
      "-keyout",
      key,
      "-out",
      endpoints.ca,
    ]);
    return endpoints;
  }

  /** Starts an endpoint for plain HTTP, whose requests are noted under the label. */
  async plain(label: string): Promise<string> {
    return this.#listen(createServer((request, response) => void this.#serve(label, request, response)));
  }

  /** Starts the proxy. Requests for plain HTTP are noted as `proxy`, those through a tunnel by the host that they name. */
  async proxy(folder: string): Promise<string> {
    const certificate = { key: await readFile(join(folder, "key.pem")), cert: await readFile(this.ca) };
    const secure = createSecureServer(certificate, (request, response) => {
      void this.#serve(`https://${request.headers.host}`, request, response);
    });
    const server = createServer((request, response) => void this.#serve("proxy", request, response));
    server.on("connect", (_, socket) => {
      socket.on("error", () => undefined);
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      secure.emit("connection", socket);
    });
    return this.#listen(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #listen(server: Server): Promise<string> {
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async #serve(label: string, request: IncomingMessage, response: Parameters<RequestListener>[1]): Promise<void> {
    const body = await text(request);
    const vault = /\/vaults\/([^/?]+)$/.exec(request.url ?? "")?.[1];
    if (vault !== undefined) {
      const keyId = /Credential=([^/]+)\//.exec(request.headers.authorization ?? "")?.[1];
      const token = request.headers["x-amz-security-token"];
      this.asked.set(vault, `${label} ${keyId}${token === undefined ? "" : `+${token}`}`);
      const description = { VaultName: vault, VaultARN: "arn", CreationDate: "2026-01-01T00:00:00.000Z" };
      const counts = { NumberOfArchives: 0, SizeInBytes: 0, LastInventoryDate: null };
      response.setHeader("content-type", "application/json").end(JSON.stringify({ ...description, ...counts }));
    } else if (body.includes("Action=AssumeRole")) {
      response.setHeader("content-type", "text/xml").end(roleKeys(/Action=(\w+)/.exec(body)?.[1] ?? ""));
    } else {
      response.setHeader("content-type", "application/json").end(JSON.stringify(containerKeys));
    }
  }
}

const later = "2036-01-01T00:00:00Z";
const containerKeys = {
  AccessKeyId: "ASIACONTAINER",
  SecretAccessKey: "secret",
  Token: "CONTAINER",
  Expiration: later,
};

function roleKeys(action: string): string {
  const keys = `<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>ROLE</SessionToken>`;
  const credentials = `<Credentials>${keys}<Expiration>${later}</Expiration></Credentials>`;
  const user =
    "<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>R:s</AssumedRoleId></AssumedRoleUser>";
  return (
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>${credentials}${user}</${action}Result>` +
    `<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`
  );
}
