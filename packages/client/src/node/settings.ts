import type { CredentialProvider, Credentials } from "../credentials.ts";
import { credentialsAfterEnvironment } from "./credential-chain.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** AWS's own chain of places, which begins with the environment unless a profile is named. */
export function chainedCredentials(
  environment: Environment,
  profile = environment["AWS_PROFILE"] || undefined,
): CredentialProvider {
  const keys = environmentKeys(environment);
  return profile === undefined && keys !== null ? async () => keys : credentialsAfterEnvironment(profile);
}

function environmentKeys(environment: Environment): Credentials | null {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  if (!accessKeyId || !secretAccessKey) {
    return null;
  }
  const expiration = environment["AWS_CREDENTIAL_EXPIRATION"];
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: environment["AWS_SESSION_TOKEN"] || undefined,
    expiration: expiration ? new Date(expiration) : undefined,
  };
}

/** From `AWS_REGION`, else from `AWS_DEFAULT_REGION`, else from the profile. Throws a TypeError when none of them says it. */
export async function configuredRegion(environment: Environment, profile: string | undefined): Promise<string> {
  const named = environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"];
  if (named) {
    return named;
  }
  const { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } = await import(
    "@smithy/core/config"
  );
  try {
    const files = { ...NODE_REGION_CONFIG_FILE_OPTIONS, ...(profile !== undefined && { profile }) };
    return await loadConfig(NODE_REGION_CONFIG_OPTIONS, files)();
  } catch (error) {
    throw new TypeError("No region is set: give one, set AWS_REGION, or add it to the profile", { cause: error });
  }
}

/** As AWS's tools read it: the one for Glacier first. */
export function configuredEndpoint(environment: Environment): string | undefined {
  return environment["AWS_ENDPOINT_URL_GLACIER"] || environment["AWS_ENDPOINT_URL"] || undefined;
}
