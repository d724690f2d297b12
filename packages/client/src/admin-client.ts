import {
  type AdminOperationName,
  type AdminShapes,
  type AuditOutcome,
  adminOperations,
  type FaultModeName,
  type NotificationStateName,
} from "@moraine/protocol";
import { type ClientOptions, connectionOf } from "./client.ts";
import { type Reader, Sender, type WireRequest } from "./http/send.ts";
import { jsonBody, pathOf } from "./http/wire.ts";
import type { CallOptions } from "./operation-types.ts";
import { jsonOf, textOf } from "./output.ts";
import type { Platform } from "./platform.ts";

/**
 * Calls an operation of the admin API that Moraine's servers have, by its name: `admin("CreateUser", { userName })`. Rejects as
 * the methods of `GlacierClient` do.
 */
export type AdminClient = <Name extends AdminOperationName>(
  name: Name,
  input: AdminInput<Name>,
  options?: CallOptions,
) => Promise<AdminShapes[Name]["output"]>;

export type AdminInput<Name extends AdminOperationName> = Pick<
  AdminShapes[Name]["input"],
  Exclude<keyof AdminShapes[Name]["input"], keyof Known<Name>>
> &
  Known<Name>;

type Known<Name extends AdminOperationName> = Name extends keyof KnownValues ? KnownValues[Name] : unknown;

/** The values that the service knows. The protocol's types allow any that a client may send. */
interface KnownValues {
  readonly PutFault: { readonly Mode: FaultModeName };
  readonly ListNotifications: {
    /** @default both */
    readonly state?: NotificationStateName | undefined;
  };
  readonly ListAuditEntries: {
    /** How the attempt ended. @default all */
    readonly outcome?: AuditOutcome | undefined;
  };
}

/** The endpoint is required: AWS, whose endpoint is the default elsewhere, has no such API. */
export type AdminClientOptions = Omit<ClientOptions, "accountId" | "endpoint"> &
  Required<Pick<ClientOptions, "endpoint">>;

export function buildAdminClient(options: AdminClientOptions, platform: Platform): AdminClient {
  const sender = new Sender({ ...connectionOf(options), service: "moraine", platform });
  return async (name, input, callOptions = {}) => {
    callOptions.signal?.throwIfAborted();
    return sender.send(await toWire(name, input, platform), readResponse<typeof name>, callOptions);
  };
}

/** Writes an input as a request. Fields of the path and the query begin lowercase, those of the body uppercase. */
async function toWire(name: AdminOperationName, input: object, platform: Platform): Promise<WireRequest> {
  const { method, path, query = [], request } = adminOperations[name];
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined && value !== null));
  const ofBody = Object.entries(given).filter(([member]) => /^[A-Z]/.test(member));
  return {
    operation: name,
    method,
    path: pathOf(path, given),
    query: Object.fromEntries(query.flatMap((member) => (member in given ? [[member, String(given[member])]] : []))),
    headers: request === "json" ? { "content-type": "application/json" } : {},
    body: request === "json" ? await jsonBody(Object.fromEntries(ofBody), platform) : null,
  };
}

async function readResponse<Name extends AdminOperationName>(
  ...[response, attempt, signal]: Parameters<Reader<unknown>>
): Promise<AdminShapes[Name]["output"]> {
  const text = await textOf(response, attempt, signal);
  return (text === "" ? {} : jsonOf(text, response, attempt)) as AdminShapes[Name]["output"];
}
