import { decodeName } from "../../names/decode-name.ts";
import { onOneLine } from "../../terminal/printable.ts";
import type { CatalogArchive } from "./archive-row.ts";

/** Forms of a list: columns for a person, the same with the decoding of names, ids alone, lines of JSON, or CSV. */
export type ListForm = "table" | "names" | "ids" | "json" | "csv";

/** Formats archives as they are read, since a catalogue may have millions; columns have a fixed width for that reason. */
export async function* archiveLines(
  batches: AsyncIterable<readonly CatalogArchive[]>,
  form: ListForm,
  asOf: string,
): AsyncGenerator<Uint8Array, void, void> {
  const { head, line } = forms[form];
  const counts = new Map<string, number>();
  yield Buffer.from(head(asOf));
  for await (const archives of batches) {
    for (const { format } of archives) {
      counts.set(format, (counts.get(format) ?? 0) + 1);
    }
    yield Buffer.from(archives.map((archive) => `${line(archive)}\n`).join(""));
  }
  yield Buffer.from(form === "names" ? countLines(counts) : "");
}

const widths = { created: 24, bytes: 14, state: 8, format: 13 } as const;

const forms: Readonly<
  Record<ListForm, { readonly head: (asOf: string) => string; readonly line: (archive: CatalogArchive) => string }>
> = {
  table: {
    head: (asOf) => `${asOf}\n${columns("CREATED", "BYTES", "STATE", "PATH")}\n`,
    line: ({ createdAt, sizeBytes, state, path, archiveId }) =>
      columns(createdAt.toISOString(), String(sizeBytes), state, onOneLine(path === "" ? `(${archiveId})` : path)),
  },
  names: { head: (asOf) => `${asOf}\n${"FORMAT".padEnd(widths.format)}  PATH\n`, line: nameLine },
  ids: { head: () => "", line: ({ archiveId }) => archiveId },
  json: {
    head: () => "",
    line: ({ archiveId, path, format, description, sizeBytes, treeHash, createdAt, modifiedAt, state }) =>
      JSON.stringify({ archiveId, path, format, description, sizeBytes, treeHash, createdAt, modifiedAt, state }),
  },
  // The names of an inventory's own columns, and those that a file of names may have.
  csv: {
    head: () =>
      "ArchiveId,Path,Size,CreationDate,ModificationDate,SHA256TreeHash,NameFormat,State,ArchiveDescription\r\n",
    line: ({ archiveId, path, sizeBytes, createdAt, modifiedAt, treeHash, format, state, description }) =>
      [archiveId, path, sizeBytes, createdAt, modifiedAt, treeHash, format, state, description].map(csvField).join() +
      "\r",
  },
};

function columns(created: string, bytes: string, state: string, path: string): string {
  return [created.padEnd(widths.created), bytes.padStart(widths.bytes), state.padEnd(widths.state), path]
    .join("  ")
    .trimEnd();
}

/** The path, and below it the description where that is something else. */
function nameLine({ format, path, description, archiveId }: CatalogArchive): string {
  const name = `${format.padEnd(widths.format)}  ${onOneLine(path === "" ? `(${archiveId})` : path)}`;
  const details = [path === description ? "" : `from ${onOneLine(description)}`, ...decodeName(description).notes];
  return [name, ...details.filter(Boolean).map((detail) => `${" ".repeat(widths.format + 4)}${detail}`)].join("\n");
}

function countLines(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return [
    "",
    "ARCHIVES  FORMAT",
    ...sorted.map(([format, count]) => `${String(count).padStart(8)}  ${format}`),
    "",
  ].join("\n");
}

function csvField(value: string | number | Date | null): string {
  const text = value instanceof Date ? value.toISOString() : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
