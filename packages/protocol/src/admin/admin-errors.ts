import { GlacierError } from "../errors.ts";

/** The errors of the admin API that have a fixed text. Their codes are those of the vault API, which clients know. */
export const adminErrors = {
  accountNotFound: (id: string) => notFound(`The account was not found: ${id}`),
  userNotFound: (name: string) => notFound(`The user was not found: ${name}`),
  accessKeyNotFound: (id: string) => notFound(`The access key was not found: ${id}`),
  userPolicyNotFound: (name: string) => notFound(`The policy was not found: ${name}`),
  notificationNotFound: (id: string) => notFound(`The message was not found: ${id}`),

  accountExists: (id: string) => invalid(`The account exists already: ${id}`),
  userExists: (name: string) => invalid(`The user exists already: ${name}`),
  accountHasVaults: (id: string) => invalid(`The account has vaults, and stays while it has: ${id}`),
  operatorStays: (id: string) => invalid(`The account is the operator's, and stays: ${id}`),
  lastRootKey: (id: string) => invalid(`The last active key of an account's root stays: ${id}; make another first`),
  invalidName: (what: string, value: string) =>
    invalid(`Invalid ${what}: ${value}. It must be 1 to 64 letters, digits or _+=,.@-`),
  invalidPolicy: (reason: string) => invalid(`The specified policy is invalid: ${reason}`),
  clockNotManual: () =>
    invalid("The clock is the system's: only a server that runs with --clock manual has one to move"),

  faultsNotAllowed: () => invalid("Fault modes are off: only a server that runs with --allow-faults has them"),
  faultNotFound: (id: string) => notFound(`The fault was not found: ${id}`),

  vaultLocked: (name: string) =>
    invalid(
      `The vault ${name} is locked, and a lock outlives a reset: only a server that runs with --ephemeral removes it`,
    ),

  tooManyKeys: (most: number) => tooMany(`active access keys for this user, which may have ${most}`),
  tooManySessions: (most: number) => tooMany(`sessions of this user, which may have ${most}`),
  tooManyPolicies: (most: number) => tooMany(`policies for this user, which may have ${most}`),
  policiesTooLarge: (most: number) => tooMany(`bytes of policies for this user, which may have ${most}`),
} as const;

const notFound = (message: string) => new GlacierError("ResourceNotFoundException", message);
const invalid = (message: string) => new GlacierError("InvalidParameterValueException", message);
const tooMany = (what: string) => new GlacierError("LimitExceededException", `Too many ${what}`);
