import { type AdminClient, type AdminClientOptions, buildAdminClient } from "./admin-client.ts";
import { buildClient, type ClientOptions } from "./client.ts";
import type { GlacierClient } from "./glacier-client.ts";
import type { CredentialProvider, Credentials } from "./http/credentials.ts";
import { agentsFor } from "./node/certificates.ts";
import { chainedCredentials } from "./node/credential-chain.ts";
import { nodePlatform, nodeSha256 } from "./node/platform.ts";
import { settingsOf } from "./node/settings.ts";
import { TreeHash as PortableTreeHash } from "./tree-hash.ts";

export { endpointOf } from "./client.ts";
export * from "./index.ts";
export { Bandwidth } from "./transfers/bandwidth.ts";
export {
  type DownloadOptions,
  downloadFrom,
  downloadJobOutput,
} from "./transfers/download/download-job-output.ts";
export type { DownloadResult } from "./transfers/download/download-result.ts";
export { partialFileOf } from "./transfers/download/files/download-target.ts";
export type { JobReference, OutputFacts } from "./transfers/download/output-facts.ts";
export { jobSource, type OpenRange, type OutputSource } from "./transfers/download/output-source.ts";
export { type StreamOptions, streamFrom, streamJobOutput } from "./transfers/download/stream-job-output.ts";
export type { VerificationOptions, VerifiedBy } from "./transfers/download/verification.ts";
export { type VerifyOptions, verifyJobOutput } from "./transfers/download/verify-output.ts";
export type {
  JobEvent,
  ProgressEvent,
  RangeFailedEvent,
  TransferEvent,
  TransferOptions,
  WarningEvent,
} from "./transfers/events.ts";
export { DigestPool, type FilePart } from "./transfers/hashing/digest-pool.ts";
export type { PartDigest, Wanted } from "./transfers/hashing/part-digest.ts";
export { inParallel } from "./transfers/in-parallel.ts";
export { type FoundInventory, findInventory, type InventoriedVault } from "./transfers/inventory/find-inventory.ts";
export {
  type InvalidEntry,
  InventoryReader,
  type InventoryReaderOptions,
} from "./transfers/inventory/inventory-reader.ts";
export {
  type InventoryOptions,
  readInventory,
  retrieveInventory,
  type StreamInventoryOptions,
  streamInventory,
} from "./transfers/inventory/retrieve-inventory.ts";
export { type VaultContents, vaultContents } from "./transfers/inventory/vault-contents.ts";
export { LockFile, type LockOptions } from "./transfers/journal/lock-file.ts";
export type { TransferTotals } from "./transfers/progress.ts";
export {
  type ArchiveReference,
  findRetrieval,
  type RetrievalOptions,
  type RetrievalPlan,
  retrieveArchive,
  type StreamRetrievalOptions,
  startRetrieval,
  streamArchive,
  verifyArchive,
} from "./transfers/retrieval/retrieve-archive.ts";
export { type WaitOptions, waitForJob } from "./transfers/retrieval/wait-for-job.ts";
export {
  CompletionUnknownError,
  DamagedArchiveError,
  InventoryFormatError,
  JobFailedError,
  JobNotReadyError,
  JournalMismatchError,
  LocalFileError,
  RangeFailedError,
  SourceChangedError,
  TargetExistsError,
  TransferBusyError,
  TransferError,
  UnusableFileError,
  UnverifiableError,
  VerificationError,
} from "./transfers/transfer-errors.ts";
export { chosenPartSize } from "./transfers/upload/part-size.ts";
export type { RangedSource } from "./transfers/upload/ranged-source.ts";
export { type UploadOptions, type UploadResult, uploadArchive } from "./transfers/upload/upload-archive.ts";
export type { AnnouncedRequest, RequestIdentity } from "./transfers/upload/upload-context.ts";
export { readUnfinishedUpload, type UnfinishedUpload } from "./transfers/upload/upload-journal.ts";
export type { UploadSource } from "./transfers/upload/upload-source.ts";

export interface NodeClientOptions extends Omit<ClientOptions, "region" | "credentials">, CertificateOptions {
  /** A region like `us-east-1`; part of every signature. @default `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's */
  readonly region?: string | undefined;
  /** Keys, or a function that finds some. @default where AWS's tools find them: see {@link defaultCredentials} */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** The profile of AWS's configuration files. Its keys come before those of the environment. @default `AWS_PROFILE`, else `default` */
  readonly profile?: string | undefined;
}

interface CertificateOptions {
  /** A file of certificates (PEM) to trust instead of Node's. @default `AWS_CA_BUNDLE`, else the profile's `ca_bundle` */
  readonly ca?: string | undefined;
}

/**
 * Creates a client. Settings that are not given are those of AWS's tools: region and credentials from the environment, the profile, or the
 * machine's role; the endpoint from `AWS_ENDPOINT_URL_GLACIER`, `AWS_ENDPOINT_URL`, or the profile.
 *
 * The first call looks for credentials. Rejects with a TypeError without a region, with a profile that does not exist, or with an endpoint
 * or a file of certificates that cannot be used.
 */
export async function createClient(options: NodeClientOptions = {}): Promise<GlacierClient> {
  const { profile, region, credentials, endpoint, ca, ...rest } = options;
  const settings = settingsOf(process.env, profile);
  if (credentials === undefined) {
    await settings.assertProfile();
  }
  const url = endpoint ?? (await settings.endpoint());
  const agents = await agentsFor(process.env, url, ca, settings);
  const connection: ClientOptions = {
    ...rest,
    region: region ?? (await settings.region()),
    credentials: credentials ?? chainedCredentials(process.env, profile, agents),
    endpoint: url,
  };
  return buildClient(connection, nodePlatform(agents));
}

export interface NodeAdminClientOptions
  extends Omit<AdminClientOptions, "region" | "credentials" | "endpoint">,
    CertificateOptions {
  /** @default as for {@link createClient}, else `http://127.0.0.1:8484` */
  readonly endpoint?: string | URL | undefined;
  /** @default as for {@link createClient}, else `us-east-1` */
  readonly region?: string | undefined;
  /** Keys, or a function that finds some. @default where AWS's tools find them: see {@link defaultCredentials} */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** As for {@link createClient}. */
  readonly profile?: string | undefined;
}

/** Creates a client of the admin API of Moraine's servers. Settings that are not given are those of AWS's tools. */
export async function createAdminClient(options: NodeAdminClientOptions = {}): Promise<AdminClient> {
  const { profile, region, credentials, endpoint, ca, ...rest } = options;
  const settings = settingsOf(process.env, profile);
  if (credentials === undefined) {
    await settings.assertProfile();
  }
  const url = endpoint ?? (await settings.endpoint()) ?? "http://127.0.0.1:8484";
  const agents = await agentsFor(process.env, url, ca, settings);
  const connection: AdminClientOptions = {
    ...rest,
    region: region ?? (await settings.region().catch(() => "us-east-1")),
    credentials: credentials ?? chainedCredentials(process.env, profile, agents),
    endpoint: url,
  };
  return buildAdminClient(connection, nodePlatform(agents));
}

/**
 * Returns a provider that finds credentials as AWS's tools do: in environment, profiles, SSO, roles, containers, instances. It keeps them,
 * and renews them in time.
 */
export function defaultCredentials({ profile }: { readonly profile?: string | undefined } = {}): CredentialProvider {
  return chainedCredentials(process.env, profile, undefined);
}

/** The same as the portable one, with Node's own SHA-256. */
export class TreeHash extends PortableTreeHash {
  constructor() {
    super(nodeSha256);
  }

  /** See {@link PortableTreeHash.ofParts}. */
  static override ofParts(hashes: Iterable<string>): Promise<string> {
    return PortableTreeHash.ofParts(hashes, nodeSha256);
  }
}
