import { type AccountId, errors, isAccountId, limits, type OperationName } from "@moraine/protocol";
import type { Authenticate } from "../auth/authenticate.ts";
import type { AccessControl } from "../auth/authorize.ts";
import type { Caller } from "../auth/caller.ts";
import { resourceOf } from "../auth/resources.ts";
import { arnOf, type Vault, type VaultKey } from "../domain/vault.ts";
import type {
  AccountHandler,
  AccountOperationName,
  Answer,
  Call,
  Services,
  VaultHandler,
  VaultOperationName,
} from "../operations/context.ts";
import { accountHandlers, vaultHandlers } from "../operations/index.ts";
import { decode, requestedArchive } from "./decode.ts";
import { encode, type Reply } from "./encode.ts";
import { assertPayload, claimedHash, payloadHash } from "./payload-hash.ts";
import { collectBody } from "./request-body.ts";
import { type Route, route } from "./router.ts";
import type { WireRequest } from "./wire-request.ts";

export interface ServeContext {
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly access: AccessControl;
}

export interface Incoming {
  readonly request: WireRequest;
  /** Not read before somebody asks for it. */
  readonly body: AsyncIterable<Buffer>;
  /** Told as soon as it is known, for logs and metrics. */
  onRoute(name: string): void;
}

/** The way of a request, top to bottom. The order of its checks is that of contract 4.3. */
export async function serve({ services, authenticate, access }: ServeContext, incoming: Incoming): Promise<Reply> {
  const { request } = incoming;
  const found = route(request);
  incoming.onRoute(found.name);
  let json: Uint8Array = noBytes;
  const caller = await authenticate(request, async () => {
    if (found.operation.request !== "bytes") {
      json = await collectBody(incoming.body, limits.jsonBodySizeBytesMax);
    }
    return payloadHash(found, request, json);
  });
  assertPayload(found, request, json);
  assertVersion(request);
  const accountId = resolveAccount(found, caller);
  const key = { accountId, region: services.region, vaultName: found.path["vaultName"] ?? "" };
  // One row says whether the vault exists, and what holds for it. Until the caller may know, both cases are one.
  const [vault, grants] = await Promise.all([findVault(services, key), access.grantsOf(caller)]);
  const archiveId = () => requestedArchive(found, json);
  await access.authorize(caller, grants, { ...resourceOf(found.name, key), vault, archiveId }, request);
  const output = await handle(services, found, { key, vault }, json, incoming);
  return encode(found.operation, { ...output });
}

const noBytes = new Uint8Array();

async function handle(
  services: Services,
  found: Route,
  { key, vault }: { readonly key: VaultKey; readonly vault: Vault | null },
  json: Uint8Array,
  { request, body }: Incoming,
): Promise<Answer<OperationName>> {
  const call: Call = {
    key,
    vault,
    body: { sizeBytes: announcedLength(request), sha256: claimedHash(request) ?? "", stream: body },
    invocationId: request.header("amz-sdk-invocation-id") ?? null,
  };
  const { name } = found;
  if (Object.hasOwn(accountHandlers, name)) {
    const handler = accountHandlers[name as AccountOperationName] as AccountHandler<AccountOperationName>;
    return handler(services, decode<AccountOperationName>(found, request, key.accountId, json), call);
  }
  if (vault === null) {
    throw errors.vaultNotFound(arnOf(key));
  }
  const handler = vaultHandlers[name as VaultOperationName] as VaultHandler<VaultOperationName>;
  return handler(services, decode<VaultOperationName>(found, request, key.accountId, json), { ...call, vault });
}

function assertVersion(request: WireRequest): void {
  const version = request.header("x-amz-glacier-version");
  if (version === undefined || version === "") {
    throw errors.missingParameter("API version");
  }
  if (version !== "2012-06-01") {
    throw errors.invalidParameter(`Invalid API version: ${version}`);
  }
}

/**
 * `-` is the account of whoever signed; answers always carry the real one (contract 2.2). Some operations are only for the
 * account's own: no policy lets others in.
 */
function resolveAccount({ operation, path }: Route, caller: Caller): AccountId {
  const { accountId: text = "" } = path;
  const accountId = text === "-" ? caller.accountId : text;
  if (!isAccountId(accountId) || (operation.account === "own" && accountId !== caller.accountId)) {
    throw errors.accessDeniedAccount(text);
  }
  return accountId;
}

const findVault = async ({ metadata }: Services, key: VaultKey): Promise<Vault | null> =>
  key.vaultName === "" ? null : metadata.findVault(key);

function announcedLength(request: WireRequest): number | null {
  const length = request.header("content-length");
  return length === undefined ? null : Number(length);
}
