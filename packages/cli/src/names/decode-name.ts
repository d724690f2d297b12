import { type DecodedName, decodedName } from "./decoded-name.ts";
import { decodeJsonPath } from "./formats/json-path.ts";
import { decodeMtAwsGlacier } from "./formats/mt-aws-glacier.ts";

/** Each returns null for a description of another format. None throws. */
const decoders: ReadonlyArray<(description: string) => DecodedName | null> = [decodeMtAwsGlacier, decodeJsonPath];

/** Descriptions have at most 1,024 characters by the API; a longer one was written by no program known here. */
const decodableLengthMax = 16_384;

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

/** Removes the quotes that some exports of inventories leave around a description. */
function withoutQuotes(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
}
