import type { OperationName } from "@moraine/protocol";
import type { CallOptions, OperationInput, OperationOutput } from "./operation-types.ts";

/**
 * One method for each of the 33 operations: `client.describeVault({ vaultName }, { signal })`.
 *
 * Rejects with the class of the service's exception (`ResourceNotFoundException`, …), with `GlacierConnectionError` when no
 * answer could be had, or with the signal's reason; what is worth it has been tried again by then.
 */
export type GlacierClient = {
  readonly [Name in OperationName as Uncapitalize<Name>]: Method<Name>;
};

/** An operation that needs to be told nothing may be told nothing. */
type Method<Name extends OperationName> =
  Record<never, never> extends OperationInput<Name>
    ? (input?: OperationInput<Name>, options?: CallOptions) => Promise<OperationOutput<Name>>
    : (input: OperationInput<Name>, options?: CallOptions) => Promise<OperationOutput<Name>>;
