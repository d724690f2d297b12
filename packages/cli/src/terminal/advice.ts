import { messageOf } from "../exit-codes.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const damaged =
  "The server's copy is damaged, and another job would fail as well. Ask the operator to run moraine admin damaged and to restore " +
  "what it lists; then run the same command again. Byte ranges without damage can still be retrieved (moraine job start --range).";

/** Advice by the names of errors, where their own message gives none. */
const advice: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "Check the credentials in use (AWS_PROFILE, --profile), the policies of the user and of the vault, and the vault's lock.",
  CompletionUnknownError:
    "If a new inventory does not list it (moraine inventory VAULT --new-job), upload again with --restart. Unfinished uploads are shown by moraine upload list.",
  CredentialsProviderError: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --profile.",
  DamagedArchiveError: damaged,
  DamagedDataError: damaged,
  ExpiredTokenException: "Sign in again, then run the same command again.",
  GlacierConnectionError: "Is the service reachable? Check --endpoint, AWS_ENDPOINT_URL_GLACIER and the network.",
  InsufficientCapacityException: "Try again later, or use --tier Standard.",
  InvalidSignatureException: "Check the secret key, and --region, which is part of every signature.",
  JobFailedError: "Start another job, with --new-job.",
  JournalMismatchError:
    "To abort that upload and start over, add --restart (in scripts --if-changed restart). For a download, remove the journal.",
  NoLongerSupportedException:
    "AWS has closed this API to the account, as it does to accounts without any archive; no call will succeed.",
  PolicyEnforcedException:
    "The account's retrieval policy refuses it (moraine retrieval-policy get): try again later, or use --tier Bulk.",
  ResourceNotFoundException: "Check the names, and --region and --account.",
  SourceChangedError: "Wait until the file no longer changes, then run the same command with --restart.",
  TargetExistsError: "Choose another name, or replace it with --force.",
  TransferBusyError: "Wait until that process has ended, or end it; leave the lock file alone.",
  UnrecognizedClientException: "Check AWS_ACCESS_KEY_ID, or the profile: the service does not know that key.",
  UnusableFileError:
    "Name a new file, or a regular file of your own; -o - writes to standard output, --verify-only writes no file.",
  UnverifiableError: "To accept unverified bytes, add --accept-unverified.",
};

/** Advice by the message that something does not exist; the patterns match AWS's messages and Moraine's. */
const unknownThings: readonly (readonly [RegExp, string])[] = [
  [/\bno vault access policy\b/i, "Set one with moraine policy set VAULT FILE."],
  [/\bno vault lock\b/i, "Put one on trial with moraine lock initiate VAULT FILE."],
  [/\bno notification/i, "Set a topic with moraine notifications set VAULT TOPIC."],
  [/\bvault\b.* not found/i, "See moraine vault list for the names, and check --region and --account."],
  [/\barchive\b.* not found/i, "See moraine inventory VAULT for the ids; each vault has its own."],
  [/\bjob\b.* not found/i, "See moraine job list VAULT. A job is deleted a day after it has ended, with its output."],
  [/\bupload\b.* not found/i, "See moraine upload list VAULT. Uploads are completed or aborted only once."],
];

/** Advice for messages that name a value without the expected form. */
const ofMessages: readonly (readonly [RegExp, string])[] = [
  [/^Invalid vault name\b/, "A vault's name has 1 to 255 letters, digits, dots, dashes and underscores."],
  [/\bwrong version number\b/, "The endpoint does not use TLS: write http:// instead of https://."],
];

/** Advice by the error code of a file system. */
const ofFiles: Readonly<Record<string, string>> = {
  EACCES: "Change the permissions, or choose another folder.",
  EDQUOT: "Free some of the quota, then run the same command again.",
  EEXIST: "A file of that name exists: remove it, or choose another name.",
  EISDIR: "A folder of that name exists: choose another name.",
  EMFILE: "Allow more open files (ulimit -n), or lower --concurrency.",
  ENAMETOOLONG: "Choose a shorter name.",
  ENOSPC: "Free some disk space, then run the same command again: verified bytes are kept.",
  ENOTDIR: "Check the path: a part of it is a file, not a folder.",
  EPERM: "Change the permissions, or choose another folder.",
  EROFS: "Choose a folder that is writable.",
};

/** Errors whose messages need no advice: they say what is expected, or which output is full. */
const selfExplanatory: ReadonlySet<string> = new Set(["UsageError", "OutputError", "InvalidTargetError"]);

/** Errors after which a transfer can be resumed. */
const resumable = new Set([
  "InterruptedError",
  "GlacierConnectionError",
  "JobNotReadyError",
  "RangeFailedError",
  "RequestTimeoutException",
  "ServiceUnavailableException",
  "ThrottlingException",
]);

/** Codes by which services refuse a key that is sent with another key's token. */
const tokenErrors = new Set(["ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"]);

/** Returns advice when the environment has a token that belongs to other keys. Temporary keys, which need one, begin with ASIA. */
function leftOverToken(environment: Environment): string | null {
  const { AWS_ACCESS_KEY_ID: keyId } = environment;
  const token = ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"].find((name) => environment[name]);
  return keyId && token && !keyId.startsWith("ASIA")
    ? `${token} is set and was sent with the key ${keyId}: unset it, unless it belongs to that key.`
    : null;
}

/** @param resumeHint how to resume the command, if it can be resumed. */
export function adviceFor(error: unknown, resumeHint: string | null, environment: Environment): string | null {
  const name = error instanceof Error ? error.name : "";
  const ofToken = tokenErrors.has(name) ? leftOverToken(environment) : null;
  if (ofToken !== null) {
    return ofToken;
  }
  if (resumable.has(name) && resumeHint !== null) {
    return resumeHint;
  }
  if (name === "ResourceNotFoundException") {
    const { message } = error as Error;
    return unknownThings.find(([pattern]) => pattern.test(message))?.[1] ?? advice[name] ?? null;
  }
  const byMessage = ofMessages.find(([pattern]) => pattern.test(messageOf(error)))?.[1];
  return byMessage ?? advice[name] ?? (selfExplanatory.has(name) ? null : (ofFiles[codeOf(error)] ?? null));
}

/** Returns the code of a failed system call, or of the one that caused the error. */
function codeOf(error: unknown): string {
  const all = error instanceof Error ? [error, error.cause] : [];
  const found = all.find((one): one is NodeJS.ErrnoException => one instanceof Error && "syscall" in one);
  return found?.code ?? "";
}
