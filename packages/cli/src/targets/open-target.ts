import { hash } from "node:crypto";
import { join } from "node:path";
import { InvalidTargetError, type Target } from "./target.ts";
import { targetCredentials } from "./target-credentials.ts";

export interface OpenOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Returns the path of a folder that the user names. */
  pathOf(name: string): string;
  /** A folder for what resumes copies, which each target has a folder of its own in. */
  readonly stateFolder: string;
  /** A profile of AWS's configuration files. @default `MORAINE_TARGET_PROFILE` */
  readonly profile?: string | undefined;
  /** A file of certificates (PEM) to trust instead of Node's; of vaults. */
  readonly ca?: string | undefined;
  /** A folder for the documents of a vault. @default in the state folder */
  readonly documentsFolder?: string | undefined;
  /** Creates a folder that is missing. */
  readonly create: boolean;
}

/**
 * Opens a target: a folder, `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`, or `vault:NAME@SERVICE`. Throws InvalidTargetError, and
 * TargetUnavailableError for a folder that is missing.
 */
export async function openTarget(text: string, options: OpenOptions): Promise<Target & AsyncDisposable> {
  const { environment, pathOf, create, ca, profile } = options;
  const stateFolder = join(options.stateFolder, hash("sha256", text).slice(0, 32));
  if (text.startsWith("s3://")) {
    const { S3Target } = await import("./s3/s3-target.ts");
    return S3Target.open(text, { credentials: await targetCredentials(environment, profile), stateFolder });
  }
  if (text.startsWith("vault:")) {
    const { VaultTarget } = await import("./vault/vault-target.ts");
    const { documentsFolder = join(stateFolder, "documents") } = options;
    const credentials = await targetCredentials(environment, profile);
    return VaultTarget.open(text, { credentials, stateFolder, documentsFolder, ca });
  }
  if (/^[a-z0-9+.-]+:\/\//i.test(text)) {
    throw new InvalidTargetError(
      `Invalid target "${text}": expected a folder, s3://BUCKET/PREFIX, or vault:NAME@SERVICE`,
    );
  }
  const { FolderTarget } = await import("./folder/folder-target.ts");
  return FolderTarget.open(pathOf(text), { create });
}
