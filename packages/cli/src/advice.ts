const damaged =
  "The server's copy is damaged, and another job would fail as well. Ask the operator to run moraine admin damaged and to restore " +
  "what it lists; then run the same command again. Byte ranges without damage can still be retrieved (moraine job start --range).";

/** What to do next, by the names of errors, where their own message does not say it. */
const advice: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "Look at which credentials are used (AWS_PROFILE, --profile), at the policies of user and vault, and at the vault's lock.",
  CompletionUnknownError: "Uploads that were not completed are shown by moraine upload list.",
  CredentialsProviderError: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --profile.",
  DamagedArchiveError: damaged,
  DamagedDataError: damaged,
  ExpiredTokenException: "Sign in anew, then run the same command again.",
  GlacierConnectionError: "Is the service there? Look at --endpoint, AWS_ENDPOINT_URL_GLACIER and the network.",
  InsufficientCapacityException: "Try again later, or take --tier Standard.",
  InvalidSignatureException: "Look at the secret key, and at --region: it is part of every signature.",
  JobFailedError: "Start another job.",
  JobNotReadyError: "Run the same command again later, or wait: moraine job wait.",
  JournalMismatchError: "To begin anew in its place, add --restart (upload), or remove it.",
  LocalFileError: "Make room or change the permissions, then run the same command again: what was verified is kept.",
  NoLongerSupportedException:
    "AWS has closed this API to the account, as it does to accounts without any archive; no call will succeed.",
  PolicyEnforcedException:
    "The account's retrieval policy refuses it (moraine retrieval-policy get): try later, or take --tier Bulk.",
  ResourceNotFoundException:
    "Look at the names, and at --region and --account. Jobs are gone a day after they have ended, with their output.",
  SourceChangedError: "Let the file come to rest, then run the same command with --restart.",
  TargetExistsError: "Choose another name, or replace it with --force.",
  TransferBusyError: "Wait until it is done, or end it.",
  UnrecognizedClientException: "Look at AWS_ACCESS_KEY_ID, or at the profile: the service does not know that key.",
  UnusableFileError: "Name a regular file that is yours, or a new one; -o - writes to standard output.",
  UnverifiableError: "If that does not matter, add --accept-unverified.",
};

/** After these, a transfer that was broken off can go on. */
const isBrokenOff = new Set([
  "InterruptedError",
  "GlacierConnectionError",
  "RangeFailedError",
  "RequestTimeoutException",
  "ServiceUnavailableException",
  "ThrottlingException",
]);

/** @param goOn how the command under way would go on, if it is one that can. */
export function adviceFor(error: unknown, goOn: string | null): string | null {
  const name = error instanceof Error ? error.name : "";
  if (isBrokenOff.has(name) && goOn !== null) {
    return goOn;
  }
  return advice[name] ?? null;
}
