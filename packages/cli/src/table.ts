/** Columns of equal width under their names; what has no value is a dash. */
export function table<Row extends object>(
  columns: Readonly<Record<string, keyof Row & string>>,
  rows: readonly Row[],
): string {
  const lines = [
    Object.keys(columns),
    ...rows.map((row) => Object.values(columns).map((member) => onOneLine(row[member] ?? "-"))),
  ];
  const widths = Object.keys(columns).map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, line[index]?.length ?? 0), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One line for each member. */
export function listing(values: Readonly<Record<string, unknown>>): string {
  const width = Math.max(...Object.keys(values).map(({ length }) => length));
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${onOneLine(value ?? "-")}`)
    .join("\n");
}

/** What somebody else has written breaks no table, and moves no terminal's cursor. */
export function onOneLine(value: unknown): string {
  return String(value).replace(/\p{Cc}/gu, "?");
}

interface Secret {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken?: string;
}

/** In a form that can be pasted into a shell. */
export const credentialLines = (who: string, secret: Secret): string =>
  exportLines(`${who} It is shown only now: keep it.`, secret);

/** The same for a secret that can be shown again. */
export function exportLines(comment: string, secret: Secret): string {
  return [
    `# ${comment}`,
    `export AWS_ACCESS_KEY_ID=${secret.AccessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${secret.SecretAccessKey}`,
    ...(secret.SessionToken === undefined ? [] : [`export AWS_SESSION_TOKEN=${secret.SessionToken}`]),
  ].join("\n");
}
