import { errors, inventoriesHeader, type OperationName } from "@moraine/protocol";
import type { Caller } from "../auth/caller.ts";
import type { RequestAudit } from "../domain/audit.ts";
import { arnOf, type Vault, type VaultKey } from "../domain/vaults/vault.ts";
import type {
  AccountHandler,
  AccountOperationName,
  Call,
  HandlerOutput,
  Services,
  VaultCall,
  VaultHandler,
  VaultOperationName,
} from "../operations/context.ts";
import { accountHandlers, vaultHandlers } from "../operations/index.ts";
import { claimedHash } from "./body/payload-hash.ts";
import type { ShortBody } from "./body/short-body.ts";
import { makePermitted } from "./permitted-change.ts";
import { decode } from "./wire/decode.ts";
import { encode, type Reply } from "./wire/encode.ts";
import type { Route } from "./wire/router.ts";
import type { WireRequest } from "./wire/wire-request.ts";

export interface Incoming {
  readonly request: WireRequest;
  /** The bytes of an archive or a part. Not read before somebody asks for them. */
  readonly body: AsyncIterable<Buffer>;
  /** Any other body. */
  readonly shortBody: Pick<ShortBody, "read">;
  /** Called as soon as the route is known, for logs and metrics. */
  onRoute(name: string): void;
  /** Called once the signature has been verified. */
  onVerified(): void;
  /** Collects what the audit trail says of it. */
  readonly audit: RequestAudit;
  /** Resets the connection to simulate a network failure; no response can follow. */
  resetConnection(): void;
  /** Calls the listener when nobody waits for the response any more, or it has been sent. */
  onClientGone(listener: () => void): void;
}

/** A request whose caller is known, and may make it. */
export interface AuthorizedRequest {
  readonly route: Route;
  readonly caller: Caller;
  readonly key: VaultKey;
  /** As its row was when the request was authorized; null when there was none, or the path names none. */
  readonly vault: Vault | null;
  /** False once the caller's key or policies may have changed. */
  isCurrent(): boolean;
  /** Judges the request again, by the caller's key and policies and the vault's row as they are now. Resolves to the row. */
  authorizeAgain(): Promise<Vault | null>;
  /** The body, where it is no archive's or part's bytes. */
  readonly json: Uint8Array;
  readonly incoming: Incoming;
}

export type Perform = (services: Services, authorized: AuthorizedRequest) => Promise<Reply>;

/** Typed input, the operation, and its response for the wire. */
export const perform: Perform = async (services, authorized) => {
  const output = await handle(services, authorized);
  const reply = encode(authorized.route.operation, { ...output });
  const isTold = authorized.route.name === "DescribeVault" && services.profile === "practical";
  return isTold ? { ...reply, headers: { ...reply.headers, ...currentInventories } } : reply;
};

/** Lets clients take an inventory when they want one, where others would use the last one. */
const currentInventories = { [inventoriesHeader]: "current" } as const;

async function handle(
  services: Services,
  { route, caller, key, vault, isCurrent, authorizeAgain, json, incoming }: AuthorizedRequest,
): Promise<HandlerOutput<OperationName>> {
  const { request, body } = incoming;
  const vaultArn = arnOf(key);
  const call: Call = {
    key,
    vault,
    permitted: (change) => makePermitted({ vaultArn, vault, isCurrent, authorizeAgain, change }),
    body: { sizeBytes: announcedLength(request), sha256: claimedHash(request) ?? "", stream: body },
    callerId: caller.user?.id ?? caller.accountId,
    invocationId: request.header("amz-sdk-invocation-id") ?? null,
    onClientGone: incoming.onClientGone,
  };
  const { name, operation } = route;
  if (operation.vault !== "exists") {
    const handler = accountHandlers[name as AccountOperationName] as AccountHandler<AccountOperationName>;
    return handler(services, decode<AccountOperationName>(route, request, key.accountId, json), call);
  }
  const onVault: VaultCall = {
    ...call,
    vault: existing(vault, vaultArn),
    permitted: (change) => call.permitted(async (current) => change(existing(current, vaultArn))),
  };
  const handler = vaultHandlers[name as VaultOperationName] as VaultHandler<VaultOperationName>;
  return handler(services, decode<VaultOperationName>(route, request, key.accountId, json), onVault);
}

function existing(vault: Vault | null, vaultArn: string): Vault {
  if (vault === null) {
    throw errors.vaultNotFound(vaultArn);
  }
  return vault;
}

function announcedLength(request: WireRequest): number | null {
  const length = request.header("content-length");
  return length === undefined ? null : Number(length);
}
