import type { AccountId, JobId, OperationName, OperationNameWith, OperationShapes } from "@moraine/protocol";
import type { Job, JobDelays } from "../domain/jobs/job.ts";
import type { NewIds } from "../domain/new-id.ts";
import type { PolicyMeter } from "../domain/policy/policy-meter.ts";
import type { RecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { TrustedClock } from "../domain/time/trusted-clock.ts";
import type { Profile, Vault, VaultKey } from "../domain/vaults/vault.ts";
import type { ByteStream } from "../segments/blocks.ts";
import type { DamageReports } from "../segments/damage-reports.ts";
import type { ReadServices } from "../segments/read.ts";
import type { ReceiveServices } from "../segments/receive.ts";

/** All that an operation may touch. */
export interface Services extends ReceiveServices, ReadServices {
  /** Changes are recorded as those of the request's caller. */
  readonly metadata: RecordedMetadata;
  readonly damage: DamageReports;
  readonly profile: Profile;
  readonly delays: JobDelays;
  readonly region: string;
  /** Bytes that the data retrieval policy FreeTier allows an account to retrieve in a region in a month. */
  readonly monthlyFreeBytes: number;
  /** How long a completed job can be described and its output read. */
  readonly outputMilliseconds: number;
  readonly trustedClock: TrustedClock;
  /** Accounts whose topics every vault may name, next to those of its own account. */
  readonly sharedTopicAccounts: ReadonlySet<string>;
  readonly policyMeter: PolicyMeter;
  readonly ids: NewIds;
  readonly runner: {
    /** The job may have become due. */
    wake(job: Job): void;
    /** Resolves when the job has ended, its client has gone, or it takes longer than a client should wait. */
    wait(jobId: JobId, accountId: AccountId, onClientGone: (listener: () => void) => void): Promise<void>;
  };
}

/** These name a vault that need not exist, or none. */
export type AccountOperationName = OperationNameWith<"vault", "named" | "none">;
export type VaultOperationName = OperationNameWith<"vault", "exists">;

export type Input<Name extends OperationName> = OperationShapes[Name]["input"];

/** The fields of the response; bytes are passed next to them. */
export type HandlerOutput<Name extends OperationName> = OperationShapes[Name]["output"] & {
  readonly body?: OutgoingBytes;
};

export interface OutgoingBytes {
  readonly sizeBytes: number;
  /** Each piece is valid until the next is asked for. */
  readonly stream: AsyncGenerator<Uint8Array, void, void>;
}

/** The context of a call, in addition to its typed input. */
export interface Call {
  /** The vault that the path names, under its real account. */
  readonly key: VaultKey;
  /** The vault as its row was when the call was authorized; null when there was none, or the path names none. */
  readonly vault: Vault | null;
  /**
   * Makes a change that the vault's row has allowed. When the row has changed since the call was authorized, the call is
   * authorized again, and the change is made with the newer row or not at all.
   */
  permitted<Result>(change: (vault: Vault | null) => Promise<Result>): Promise<Result>;
  /** The bytes of an archive or a part. Not read before they are asked for. */
  readonly body: IncomingBytes;
  /** The id of the user who signed, or of the account whose root did. */
  readonly callerId: string;
  /** The id that AWS's SDKs repeat when they send the same call again; null when the client sent none. */
  readonly invocationId: string | null;
  /** Calls the listener when nobody waits for the response any more, or it has been sent. */
  onClientGone(listener: () => void): void;
}

export interface VaultCall extends Call {
  readonly vault: Vault;
  /** As above. Throws ResourceNotFoundException when the vault is gone. */
  permitted<Result>(change: (vault: Vault) => Promise<Result>): Promise<Result>;
}

export interface IncomingBytes {
  /** The size that the client announced; null when it did not. */
  readonly sizeBytes: number | null;
  /** The signed hash of the body, as sent: a claim until the bytes have been hashed. */
  readonly sha256: string;
  readonly stream: ByteStream;
}

/** An operation on an account. Services first, then the input, then what came with it. */
export type AccountHandler<Name extends AccountOperationName> = (
  services: Services,
  input: Input<Name>,
  call: Call,
) => Promise<HandlerOutput<Name>>;

/** An operation on a vault that exists. */
export type VaultHandler<Name extends VaultOperationName> = (
  services: Services,
  input: Input<Name>,
  call: VaultCall,
) => Promise<HandlerOutput<Name>>;
