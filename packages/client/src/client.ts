import { type OperationName, operations } from "@moraine/protocol";
import { assertCount } from "./assert-count.ts";
import type { GlacierClient } from "./glacier-client.ts";
import type { CredentialProvider, Credentials } from "./http/credentials.ts";
import { awsEndpoint, isAwsHost, parseEndpoint } from "./http/endpoints.ts";
import { type Reader, Sender } from "./http/send.ts";
import { toWire } from "./http/wire.ts";
import { readJobOutput } from "./job-output.ts";
import type { CallOptions, OperationOutput } from "./operation-types.ts";
import { readOutput } from "./output.ts";
import { rememberRetries } from "./persistent-client.ts";
import type { Platform } from "./platform.ts";

export interface ClientOptions {
  /** A region like `us-east-1`; part of every signature. */
  readonly region: string;
  /** Keys, or a function that finds some, and finds others when those have expired. */
  readonly credentials: Credentials | CredentialProvider;
  /** The service's URL. Plain HTTP is refused to AWS's hosts. @default AWS's endpoint of the region */
  readonly endpoint?: string | URL | undefined;
  /** The account of calls that name none: twelve digits. @default `-`, the account of the credentials */
  readonly accountId?: string | undefined;
  /**
   * The maximum number of times that a request is sent when the service is unavailable, throttles or cannot be reached. The seven pauses
   * between eight attempts take about 6 seconds, after throttling half a minute. @default 8, for at most two minutes; no limit where
   * `retryForMilliseconds` applies
   */
  readonly attemptsMax?: number | undefined;
  /**
   * How long temporary failures of a call are retried, counted from the first one; in transfers, how long they are retried without any
   * progress. 0 sends each request once. @default `attemptsMax` limits calls; 30 minutes in transfers, no limit while a job is waited for
   */
  readonly retryForMilliseconds?: number | undefined;
  /**
   * How long an attempt waits for a connection (at most 10 seconds), for the response after the last byte was sent, and for the next byte
   * in either direction. @default 60,000, as AWS's tools
   */
  readonly timeoutMilliseconds?: number | undefined;
}

const timeoutMillisecondsDefault = 60_000;
/** Node fires longer timers at once. */
const timeoutMillisecondsMax = 2 ** 31 - 1;

/** Creates a client that hashes and sends by means of the platform. */
export function buildClient(options: ClientOptions, platform: Platform): GlacierClient {
  const { accountId = "-" } = options;
  const connection = connectionOf(options);
  const sender = new Sender({ ...connection, service: "glacier", platform });
  const call = async (name: OperationName, input: object, callOptions: CallOptions): Promise<unknown> => {
    callOptions.signal?.throwIfAborted();
    const read = readerOf(name);
    const watched: Reader<unknown> = (response, ...rest) => {
      callOptions.onHead?.((header) => response.header(header));
      return read(response, ...rest);
    };
    return sender.send(await toWire(name, withAccount(input, accountId), platform), watched, callOptions);
  };
  const methods = (Object.keys(operations) as OperationName[]).map((name) => [
    `${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    (input: object = {}, callOptions: CallOptions = {}) => call(name, input, callOptions),
  ]);
  const client = Object.freeze(Object.fromEntries(methods)) as GlacierClient;
  rememberRetries(client, options.retryForMilliseconds);
  endpoints.set(client, connection.endpoint);
  return client;
}

const endpoints = new WeakMap<GlacierClient, URL>();

/** Returns where a client sends its requests; null for a client that was not made here, which may wrap another one. */
export function endpointOf(client: GlacierClient): URL | null {
  return endpoints.get(client) ?? null;
}

/** Whether the client may be calling AWS; true also for a client that was not made here, which may wrap one that does. */
export function mayBeAws(client: GlacierClient): boolean {
  const endpoint = endpointOf(client);
  return endpoint === null || isAwsHost(endpoint.hostname);
}

/** Checks the options of a connection, once for each client. Throws TypeError or RangeError. */
export function connectionOf({ endpoint, region, credentials, ...options }: ClientOptions) {
  const { attemptsMax, retryForMilliseconds, timeoutMilliseconds = timeoutMillisecondsDefault } = options;
  if (attemptsMax !== undefined) {
    assertCount("attemptsMax", attemptsMax);
  }
  if (retryForMilliseconds !== undefined && !(retryForMilliseconds >= 0)) {
    throw new RangeError(`Invalid retryForMilliseconds ${retryForMilliseconds}: expected 0 or more`);
  }
  if (!(timeoutMilliseconds > 0 && timeoutMilliseconds <= timeoutMillisecondsMax)) {
    throw new RangeError(`Invalid timeoutMilliseconds ${timeoutMilliseconds}: expected 1 to ${timeoutMillisecondsMax}`);
  }
  const url = endpoint === undefined ? awsEndpoint(region) : parseEndpoint(endpoint);
  return { region, credentials, endpoint: url, attemptsMax, retryForMilliseconds, timeoutMilliseconds };
}

function withAccount(input: object, accountId: string) {
  const given = (input as { readonly accountId?: string }).accountId;
  return { ...input, accountId: given ?? accountId };
}

function readerOf(name: OperationName): Reader<unknown> {
  switch (name) {
    case "GetJobOutput":
      return readJobOutput;
    case "GetDataRetrievalPolicy":
      return async (...args) => exactRates(await readOutput(operations[name], ...args));
    default:
      return (...args) => readOutput(operations[name], ...args);
  }
}

/** Converts rates to bigint, the type that they have here: JSON's small numbers were read as numbers. */
function exactRates(output: object): OperationOutput<"GetDataRetrievalPolicy"> {
  const { Policy, ...rest } = output as OperationOutput<"GetDataRetrievalPolicy">;
  const rules = Policy?.Rules?.map(({ BytesPerHour, ...rule }) => ({
    ...rule,
    ...(BytesPerHour !== undefined && BytesPerHour !== null && { BytesPerHour: BigInt(BytesPerHour) }),
  }));
  return { ...rest, Policy: { ...Policy, Rules: rules ?? [] } };
}
