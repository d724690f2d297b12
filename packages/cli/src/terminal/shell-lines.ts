import { onOneLine } from "./printable.ts";

interface Secret {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken?: string;
}

/** Formats new credentials so that they can be pasted into a shell. */
export const credentialLines = (who: string, secret: Secret): string =>
  exportLines(`${who} It is shown only now: keep it.`, secret);

/** Formats credentials that can be shown again. Throws for values that are no credentials. */
export function exportLines(comment: string, { AccessKeyId, SecretAccessKey, SessionToken }: Secret): string {
  return [
    `# ${onOneLine(comment)}`,
    exportLine("AWS_ACCESS_KEY_ID", AccessKeyId),
    exportLine("AWS_SECRET_ACCESS_KEY", SecretAccessKey),
    // The token of earlier credentials would be sent with these.
    SessionToken === undefined ? "unset AWS_SESSION_TOKEN" : exportLine("AWS_SESSION_TOKEN", SessionToken),
  ].join("\n");
}

/** A secret is not written to standard error, which may be kept in a log. */
export const lostSecret = ({ AccessKeyId }: Secret, command: string): string =>
  `Key ${AccessKeyId} was created, but its secret is lost. Run: ${command}`;

/** Quotes text as one word for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Quotes the value: a hostile server could put a command after it. */
function exportLine(name: string, value: unknown): string {
  if (typeof value !== "string" || value !== onOneLine(value)) {
    throw new Error(`Invalid ${name} in the response: expected printable characters. Check the endpoint`);
  }
  return `export ${name}=${shellWord(value)}`;
}
