import type { CredentialProvider, Credentials } from "../credentials.ts";

/**
 * The places after the environment: keys in AWS's files, then the rest of AWS's own chain (SSO, roles, processes, containers,
 * instances). That rest is a large package which not everybody installs, and which takes longer to load than a request takes.
 */
export function credentialsAfterEnvironment(profile: string | undefined): CredentialProvider {
  let chain: CredentialProvider | undefined;
  return async (options) => {
    const keys = chain === undefined ? await profileKeys(profile) : null;
    if (keys !== null) {
      return keys;
    }
    chain ??= await loadChain(profile);
    return chain(options);
  };
}

/** Reads them anew each time, since other tools renew them there. Null where the profile has no keys, or leads to a role. */
async function profileKeys(profile: string | undefined): Promise<Credentials | null> {
  const { getProfileName, parseKnownFiles } = await import("@smithy/core/config");
  const profiles = await parseKnownFiles({ ignoreCache: true });
  const settings = profiles[getProfileName(profile === undefined ? {} : { profile })] ?? {};
  const accessKeyId = settings["aws_access_key_id"];
  const secretAccessKey = settings["aws_secret_access_key"];
  if (!accessKeyId || !secretAccessKey || settings["role_arn"] !== undefined) {
    return null;
  }
  return { accessKeyId, secretAccessKey, sessionToken: settings["aws_session_token"] || undefined };
}

const chainPackage = "@aws-sdk/credential-provider-node";

async function loadChain(profile: string | undefined): Promise<CredentialProvider> {
  try {
    const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
    return defaultProvider(profile === undefined ? {} : { profile });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") {
      throw cause;
    }
    throw Object.assign(new Error(missingChain(profile), { cause }), { name: "CredentialsProviderError" });
  }
}

function missingChain(profile: string | undefined): string {
  const place = profile === undefined ? "in AWS's files" : `in the profile ${profile}`;
  return (
    `There are no access keys in the environment or ${place}, and SSO, roles, processes, containers and instances ` +
    `need the package ${chainPackage}: npm install ${chainPackage}, with --global where this command is installed so`
  );
}
