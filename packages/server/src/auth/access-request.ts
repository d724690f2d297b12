import type { AccountId } from "@moraine/protocol";
import type { Vault } from "../domain/vaults/vault.ts";

/** The action that a caller asks permission for, and its resource. */
export interface AccessRequest {
  /** `glacier:DeleteArchive`. */
  readonly action: string;
  /** The ARN that policies name it by, or `*` for what no resource limits. */
  readonly resource: string;
  /** How a refusal calls the resource. @default `resource` */
  readonly shownAs?: string;
  readonly ownerId: AccountId;
  /** The vault that it is about, for its tags; null when there is none, or it does not exist. */
  readonly vault: Vault | null;
  /** Whether the vault's own policies have a say. */
  readonly vaultPolicies: boolean;
  /** The archive that it is about, as the request says; asked for only if a policy wants its age. */
  archiveId?(): string | undefined;
}
