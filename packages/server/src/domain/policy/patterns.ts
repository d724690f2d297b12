import { spend } from "./effort.ts";

/** Code points to be equal to, and two numbers that are no code points: any one, and any run of them, none included. */
export type Pattern = readonly number[];

export const anyOne = -1;
export const anyRun = -2;

export function literal(text: string): Pattern {
  const points: number[] = [];
  for (const character of text) points.push(character.codePointAt(0) as number);
  return points;
}

export function withWildcards(text: string): Pattern {
  return literal(text).map((point) => {
    if (point === star) return anyRun;
    return point === questionMark ? anyOne : point;
  });
}

/**
 * Whether the pattern stands for the whole text. Never costs more than the product of both lengths: when something differs,
 * only the last run grows, since what an earlier run could still give up the last one can take as well.
 */
export function matches(pattern: Pattern, text: string): boolean {
  let at = 0;
  let offset = 0;
  let afterRun = -1;
  let runEnd = 0;
  spend(pattern.length + text.length);
  while (offset < text.length) {
    const point = text.codePointAt(offset) as number;
    const wanted = pattern[at];
    if (wanted === anyRun) {
      at += 1;
      afterRun = at;
      runEnd = offset;
    } else if (wanted === anyOne || wanted === point) {
      at += 1;
      offset += width(point);
    } else if (afterRun >= 0) {
      spend(offset - runEnd);
      at = afterRun;
      runEnd += width(text.codePointAt(runEnd) as number);
      offset = runEnd;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every((point) => point === anyRun);
}

const star = 0x2a;
const questionMark = 0x3f;

/** In UTF-16 units. */
const width = (point: number): number => (point > 0xffff ? 2 : 1);
