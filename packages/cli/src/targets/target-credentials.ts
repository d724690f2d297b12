import type { CredentialProvider } from "@moraine/client/node";
import { InvalidTargetError } from "./target.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the credentials of a target that has others than the vault: keys in `MORAINE_TARGET_ACCESS_KEY_ID` and
 * `MORAINE_TARGET_SECRET_ACCESS_KEY`, unless a profile is given; else those of the profile. Undefined where neither is given: then AWS's own
 * order of places applies. Throws InvalidTargetError.
 */
export async function targetCredentials(
  environment: Environment,
  profile = environment["MORAINE_TARGET_PROFILE"] || undefined,
): Promise<CredentialProvider | undefined> {
  const accessKeyId = environment["MORAINE_TARGET_ACCESS_KEY_ID"];
  const secretAccessKey = environment["MORAINE_TARGET_SECRET_ACCESS_KEY"];
  if (profile !== undefined) {
    const { defaultCredentials } = await import("@moraine/client/node");
    return defaultCredentials({ profile });
  }
  if (!accessKeyId && !secretAccessKey) {
    return undefined;
  }
  if (!accessKeyId || !secretAccessKey) {
    throw new InvalidTargetError(
      "MORAINE_TARGET_ACCESS_KEY_ID and MORAINE_TARGET_SECRET_ACCESS_KEY belong together: set both, or neither",
    );
  }
  const sessionToken = environment["MORAINE_TARGET_SESSION_TOKEN"] || undefined;
  return async () => ({ accessKeyId, secretAccessKey, sessionToken });
}
