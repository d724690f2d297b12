import { idLengths } from "@moraine/protocol";
import type { Action } from "./action.ts";
import { quarantineFile } from "./apply/quarantine-file.ts";
import type { DecidedFile, SegmentIndex } from "./plan/segment-index.ts";

interface Clearing {
  readonly index: SegmentIndex;
  /** Null when nothing is changed. */
  readonly dataFolder: string | null;
  print(action: Action): void;
}

/** Quarantines files that are no segments and segments that nothing needs; names the others that are left. */
export async function clearFiles(clearing: Clearing): Promise<void> {
  const { index, print } = clearing;
  for (const path of index.foreign()) {
    await quarantine(clearing, `blobs/${path}`, "the file is no segment");
  }
  for (const file of index.ofFate("orphan")) {
    await clearOrphan(clearing, file);
  }
  for (const { key, owner, reason } of index.ofFate("kept")) {
    if (reason !== "") {
      print({ code: "undecided", message: reason, archive: archiveOf(owner), file: `blobs/${key}` });
    }
  }
}

async function clearOrphan(clearing: Clearing, { key, owner, problem, reason }: DecidedFile): Promise<void> {
  const archive = archiveOf(owner);
  if (problem !== null && archive !== undefined && reason === "damaged") {
    const message = `the segment of an archive that no other file describes is damaged: ${problem}`;
    clearing.print({ code: "segment-damaged", message, archive, file: `blobs/${key}` });
  }
  await quarantine(clearing, `blobs/${key}`, reason, archive);
}

async function quarantine(
  { dataFolder, print }: Clearing,
  path: string,
  message: string,
  archive?: string,
): Promise<void> {
  if (dataFolder === null || (await quarantineFile(dataFolder, path))) {
    print({ code: "file-quarantined", message, archive, file: path });
  }
}

const archiveOf = (owner: string): string | undefined => (owner.length === idLengths.archive ? owner : undefined);
