import { type AdminOperationName, type AdminShapes, adminOperations } from "@moraine/protocol";
import { SignatureV4 } from "@smithy/signature-v4";
import { RefusedError, UsageError } from "./exit-codes.ts";
import { Sha256 } from "./sha256.ts";

export type AdminClient = <Name extends AdminOperationName>(
  name: Name,
  input: AdminShapes[Name]["input"],
) => Promise<AdminShapes[Name]["output"]>;

export interface ClientOptions {
  readonly endpoint?: string;
  readonly region?: string;
}

/** Signs and sends. Rejects with `RefusedError` for an answer that is no success, and with its reason when there is none. */
export function adminClient(
  options: ClientOptions,
  environment: Readonly<Record<string, string | undefined>>,
): AdminClient {
  const endpoint = endpointOf(options, environment);
  const region = options.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  return async (name, input) => {
    const { method, path, query, body } = requestOf(name, input);
    const signed = await (await signerFor(region)).sign({
      method,
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      path,
      query,
      headers: { host: endpoint.host, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body }),
    });
    const search = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
    const url = new URL(search.length === 0 ? path : `${path}?${search.join("&")}`, endpoint);
    const answer = await send(url, { method, headers: signed.headers, ...(body !== undefined && { body }) });
    return (await read(answer)) as AdminShapes[typeof name]["output"];
  };
}

function endpointOf(options: ClientOptions, environment: Readonly<Record<string, string | undefined>>): URL {
  const text =
    options.endpoint ??
    environment["MORAINE_ENDPOINT"] ??
    environment["AWS_ENDPOINT_URL_GLACIER"] ??
    "http://127.0.0.1:8484";
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`The endpoint must be a URL like http://127.0.0.1:8484, and is ${text}`);
  }
  return url;
}

/** AWS's own chain: environment, profiles, and what else its tools know. Loaded late, for it is large. */
async function signerFor(region: string): Promise<SignatureV4> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  return new SignatureV4({ credentials: defaultProvider(), region, service: "moraine", sha256: Sha256 });
}

/** Members of the path and the query begin lowercase, those of the body uppercase. */
function requestOf(name: AdminOperationName, input: object) {
  const { method, path, query: parameters = [], request } = adminOperations[name];
  const members = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  const given = Object.fromEntries(members);
  const query = Object.fromEntries(
    parameters.flatMap((member) => (given[member] === undefined ? [] : [[member, String(given[member])]])),
  );
  const ofBody = members.filter(([member]) => /^[A-Z]/.test(member));
  return {
    method,
    path: path.replace(/\{(\w+)\}/g, (_, member: string) => encodeURIComponent(String(given[member]))),
    query,
    body: request === "json" ? JSON.stringify(Object.fromEntries(ofBody)) : undefined,
  };
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    // A redirect would carry the signature to whoever it names.
    return await fetch(url, { ...init, redirect: "error" });
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    throw new Error(`cannot reach ${url.origin}: ${(cause as Error).message || String(cause)}`, { cause: error });
  }
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (answer.ok) {
    return text === "" ? {} : JSON.parse(text);
  }
  const { code, message } = refusalOf(text);
  throw code === undefined
    ? new Error(`${answer.url} answered ${answer.status}, and is no server of Moraine's`)
    : new RefusedError(code, message ?? "");
}

function refusalOf(text: string): { code?: string; message?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
