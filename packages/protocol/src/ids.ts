import { limits } from "./limits.ts";

/** A string that has passed the check of its kind, so that a vault name cannot go where an upload id belongs. */
export type Branded<Kind extends string> = string & { readonly __kind: Kind };

/** Twelve digits. The `-` of a request path stands for one but is none. */
export type AccountId = Branded<"AccountId">;
export type VaultName = Branded<"VaultName">;
export type ArchiveId = Branded<"ArchiveId">;
export type UploadId = Branded<"UploadId">;
export type JobId = Branded<"JobId">;
/** 64 lowercase hexadecimal digits: the root of a SHA-256 tree, or a plain SHA-256 where the content fits one leaf. */
export type TreeHash = Branded<"TreeHash">;

/** Lengths of what the service makes up, in characters of base64url; each may begin with `-` or `_`. */
export const idLengths = {
  archive: 138,
  job: 92,
  upload: 92,
  lock: 24,
  capacity: 24,
  request: 48,
  inventoryMarker: 139,
} as const;

export function isAccountId(text: string): text is AccountId {
  return /^[0-9]{12}$/.test(text);
}

const vaultNameForm = new RegExp(`^[A-Za-z0-9._-]{1,${limits.vaultNameLengthMax}}$`);

/**
 * Glacier developer guide: 1 to 255 characters from `a–z A–Z 0–9 _ - .`, case-sensitive.
 * `.` and `..` are refused on top of that: URL parsers remove them, so no client could reach such a vault.
 */
export function isVaultName(text: string): text is VaultName {
  return vaultNameForm.test(text) && text !== "." && text !== "..";
}

/** Only the form the service writes; requests may use capitals, so lower them first. */
export function isTreeHash(text: string): text is TreeHash {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The name is taken as sent, since "Vault not found" echoes illegal names too. */
export function vaultArn(region: string, accountId: AccountId, vaultName: string): string {
  return `arn:${partitionOf(region)}:glacier:${region}:${accountId}:vaults/${vaultName}`;
}

/** The vault's name, or undefined when the text is no ARN of a vault. Region and account are not compared. */
export function vaultNameFromArn(arn: string): string | undefined {
  const name = /^arn:aws(?:-[a-z]+)*:glacier:[a-z0-9-]+:[0-9]{12}:vaults\/(.*)$/.exec(arn)?.[1];
  return name !== undefined && isVaultName(name) ? name : undefined;
}

/** The first part of an ARN behind `arn:`. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return "aws";
}
