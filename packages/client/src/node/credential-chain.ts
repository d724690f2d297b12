import { hasCode } from "../error-code.ts";
import type { CredentialProvider, Credentials } from "../http/credentials.ts";
import type { Agents } from "./agents.ts";
import { chosenProfile, type Environment, loadProfile, type Profile } from "./profile.ts";

/**
 * Finds credentials in the order of AWS's Python tools: keys in the environment, unless a profile was asked for explicitly; roles and SSO
 * of the profile; its keys; then the role of the container or the instance. All but keys is left to AWS's own chain: a large, optional
 * package, which takes longer to load than a request takes.
 */
export function chainedCredentials(
  environment: Environment,
  explicit: string | undefined,
  agents: Agents | undefined,
): CredentialProvider {
  let chain: CredentialProvider | undefined;
  return async (options) => {
    const keys = explicit === undefined ? environmentKeys(environment) : null;
    if (keys !== null) {
      return keys;
    }
    if (chain === undefined) {
      const profileKeys = keysOf(await loadProfile(environment, explicit), environment, explicit !== undefined);
      if (profileKeys !== null) {
        return profileKeys;
      }
      chain = await loadChain(chosenProfile(environment, explicit), agents);
    }
    return chain(options);
  };
}

function environmentKeys(environment: Environment): Credentials | null {
  const keys = keysFrom(
    {
      accessKeyId: environment["AWS_ACCESS_KEY_ID"],
      secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"],
      sessionToken: environment["AWS_SECURITY_TOKEN"] || environment["AWS_SESSION_TOKEN"],
    },
    "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not",
  );
  const expiration = environment["AWS_CREDENTIAL_EXPIRATION"];
  return keys && { ...keys, expiration: expiration ? new Date(expiration) : undefined };
}

/** Returns the profile's keys. Null if it has none, or names a role or a session, which take precedence. */
function keysOf(profile: Profile, environment: Environment, isExplicit: boolean): Credentials | null {
  const { fields, credentialsFile, configFile, name } = profile;
  const isRole = fields["role_arn"] !== undefined;
  const isSession = fields["sso_session"] !== undefined || fields["sso_start_url"] !== undefined;
  const isWebIdentity =
    !isExplicit && Boolean(environment["AWS_WEB_IDENTITY_TOKEN_FILE"] && environment["AWS_ROLE_ARN"]);
  if (isRole || isSession || isWebIdentity) {
    return null;
  }
  for (const file of [credentialsFile, configFile]) {
    const keys = keysFrom(
      {
        accessKeyId: file["aws_access_key_id"],
        secretAccessKey: file["aws_secret_access_key"],
        sessionToken: file["aws_security_token"] || file["aws_session_token"],
      },
      `The profile ${JSON.stringify(name)} has aws_access_key_id without aws_secret_access_key`,
    );
    if (keys !== null) {
      return keys;
    }
    if (fields["credential_process"] !== undefined) {
      return null;
    }
  }
  return null;
}

function keysFrom(
  found: { readonly [Key in "accessKeyId" | "secretAccessKey" | "sessionToken"]: string | undefined },
  incomplete: string,
): Credentials | null {
  const { accessKeyId, secretAccessKey, sessionToken } = found;
  if (!accessKeyId) {
    return null;
  }
  if (!secretAccessKey) {
    throw noCredentials(incomplete);
  }
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined };
}

const chainPackage = "@aws-sdk/credential-provider-node";

async function loadChain(profile: string | undefined, agents: Agents | undefined): Promise<CredentialProvider> {
  try {
    const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
    return defaultProvider({
      ...(profile !== undefined && { profile }),
      ...(agents !== undefined && { clientConfig: { requestHandler: agents } }),
    });
  } catch (cause) {
    if (!hasCode(cause, "ERR_MODULE_NOT_FOUND")) {
      throw cause;
    }
    throw noCredentials(missingChain(profile), cause);
  }
}

function missingChain(profile: string | undefined): string {
  const place = profile === undefined ? "in AWS's files" : `in the profile ${profile}`;
  return (
    `There are no access keys in the environment or ${place}, and SSO, roles, processes, containers and instances ` +
    `need the package ${chainPackage}: npm install ${chainPackage}, with --global where this command is installed so`
  );
}

/** Returns an error of the name that the errors of AWS's own chain have. */
function noCredentials(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { name: "CredentialsProviderError" });
}
