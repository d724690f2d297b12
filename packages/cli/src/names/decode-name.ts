import { type DecodedName, decodedName } from "./decoded-name.ts";
import { decodeArq } from "./formats/arq.ts";
import { decodeCloudBerry } from "./formats/cloudberry.ts";
import { decodeFastGlacier } from "./formats/fast-glacier.ts";
import { decodeGitAnnex } from "./formats/git-annex.ts";
import { decodeGlacierRsync } from "./formats/glacier-rsync.ts";
import { decodeJsonPath } from "./formats/json-path.ts";
import { decodeMtAwsGlacier } from "./formats/mt-aws-glacier.ts";
import { decodeQnap } from "./formats/qnap.ts";

/** Finds the file's name in the description of an archive. Never throws: any description is at least a text. */
export function decodeName(description: string): DecodedName {
  const trimmed = description.trim();
  if (trimmed === "") {
    return decodedName("none", "");
  }
  if (trimmed.length > decodableLengthMax) {
    return decodedName("text", trimmed);
  }
  const bare = withoutQuotes(trimmed);
  for (const decode of decoders) {
    const name = decode(bare);
    if (name !== null) {
      return name;
    }
  }
  return decodedName("text", trimmed);
}

/** Descriptions have at most 1,024 characters by the API; a much longer one was written by no program known here. */
const decodableLengthMax = 4096;

/** Each returns null for a description of another format. None throws. Those of JSON stand in order, the least particular last. */
const decoders: ReadonlyArray<(description: string) => DecodedName | null> = [
  decodeMtAwsGlacier,
  decodeFastGlacier,
  decodeGlacierRsync,
  decodeCloudBerry,
  decodeQnap,
  decodeJsonPath,
  decodeGitAnnex,
  decodeArq,
];

/** Removes the quotes that some exports of inventories leave around a description. */
function withoutQuotes(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
}
