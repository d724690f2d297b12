/** The start of a string that takes at most that many bytes, both within JSON and within XML: `…` follows what was cut. */
export function cutTo(text: string, bytesMax: number): string {
  let end = 0;
  let sizeBytes = 0;
  while (end < text.length) {
    const character = text.charAt(end);
    sizeBytes += Math.max(jsonBytes(character), xmlBytes[character] ?? 0);
    if (sizeBytes > bytesMax) {
      return `${text.slice(0, end)}…`;
    }
    end += 1;
  }
  return text;
}

const jsonBytes = (character: string): number => Buffer.byteLength(JSON.stringify(character)) - 2;

/** Sizes of the entities that XML writes for these characters. */
const xmlBytes: Readonly<Record<string, number>> = { "&": 5, "<": 4, ">": 4 };
