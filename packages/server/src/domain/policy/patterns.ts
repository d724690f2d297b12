import { remembering, spend } from "./effort.ts";

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
 * Whether the pattern matches the entire text. Takes time in proportion to the sum of both lengths: each stretch between two
 * runs is looked for once, from where the one before was found, since what an earlier run could still give up the next one
 * can take as well.
 */
export function matches(pattern: Pattern, text: string): boolean {
  const points = pointsOf(text);
  spend(pattern.length + points.length);
  const firstRun = pattern.indexOf(anyRun);
  if (firstRun < 0) {
    return pattern.length === points.length && isAt(pattern, 0, pattern.length, points, 0);
  }
  const lastRun = pattern.lastIndexOf(anyRun);
  const end = points.length - (pattern.length - lastRun - 1);
  return (
    firstRun <= end &&
    isAt(pattern, 0, firstRun, points, 0) &&
    isAt(pattern, lastRun + 1, pattern.length, points, end) &&
    hasStretches(pattern, firstRun + 1, lastRun, points, firstRun, end)
  );
}

/** Whether the stretches of the pattern between two of its runs stand in the text in this order. */
function hasStretches(
  pattern: Pattern,
  start: number,
  lastRun: number,
  points: Pattern,
  from: number,
  end: number,
): boolean {
  let at = from;
  for (let first = start; first <= lastRun; ) {
    const stop = pattern.indexOf(anyRun, first);
    if (stop > first) {
      const found = find(pattern.slice(first, stop), points, at, end);
      if (found < 0) {
        return false;
      }
      at = found + (stop - first);
    }
    first = stop + 1;
  }
  return true;
}

function isAt(pattern: Pattern, start: number, stop: number, points: Pattern, offset: number): boolean {
  for (let index = start; index < stop; index += 1) {
    const wanted = pattern[index];
    if (wanted !== anyOne && wanted !== points[offset + index - start]) {
      return false;
    }
  }
  return true;
}

/** The first place of the stretch in the text between `from` and `end`; negative when there is none. */
function find(stretch: Pattern, points: Pattern, from: number, end: number): number {
  if (stretch.length > end - from) {
    return -1;
  }
  return stretch.includes(anyOne) ? findLoosely(stretch, points, from, end) : findExactly(stretch, points, from, end);
}

/** Knuth, Morris and Pratt: no point of the text is read twice. */
function findExactly(stretch: Pattern, points: Pattern, from: number, end: number): number {
  const borders = bordersOf(stretch);
  let matched = 0;
  for (let at = from; at < end; at += 1) {
    while (matched > 0 && stretch[matched] !== points[at]) {
      matched = borders[matched - 1] as number;
    }
    matched += stretch[matched] === points[at] ? 1 : 0;
    if (matched === stretch.length) {
      return at - matched + 1;
    }
  }
  return -1;
}

/** For each beginning of the stretch the length of its longest proper beginning that is also its end. */
function bordersOf(stretch: Pattern): Int32Array {
  const borders = new Int32Array(stretch.length);
  let matched = 0;
  for (let at = 1; at < stretch.length; at += 1) {
    while (matched > 0 && stretch[matched] !== stretch[at]) {
      matched = borders[matched - 1] as number;
    }
    matched += stretch[matched] === stretch[at] ? 1 : 0;
    borders[at] = matched;
  }
  return borders;
}

const wordBits = 32;

/** Steps that a point of the text costs in a stretch with `?`. */
export const loosePointSteps = (stretchLength: number): number => Math.ceil(stretchLength / wordBits);

/**
 * Baeza-Yates and Gonnet (Shift-And), which takes `?` as well: bit i is set while the last points of the text match the first i + 1 of
 * the stretch.
 */
function findLoosely(stretch: Pattern, points: Pattern, from: number, end: number): number {
  const words = loosePointSteps(stretch.length);
  const masks = masksOf(stretch, words);
  const state = new Int32Array(words);
  const lastBit = 1 << ((stretch.length - 1) % wordBits);
  for (let at = from; at < end; at += 1) {
    spend(words);
    const mask = masks.get(points[at] as number) ?? (masks.get(anyOne) as Int32Array);
    let carry = 1;
    for (let word = 0; word < words; word += 1) {
      const bits = state[word] as number;
      state[word] = ((bits << 1) | carry) & (mask[word] as number);
      carry = bits >>> (wordBits - 1);
    }
    if (((state[words - 1] as number) & lastBit) !== 0) {
      return at - stretch.length + 1;
    }
  }
  return -1;
}

/** For each point of the stretch the places where it may stand; under `anyOne` those of any other point. */
function masksOf(stretch: Pattern, words: number): Map<number, Int32Array> {
  const any = new Int32Array(words);
  stretch.forEach((point, index) => {
    if (point === anyOne) setBit(any, index);
  });
  const masks = new Map([[anyOne, any]]);
  stretch.forEach((point, index) => {
    if (point !== anyOne) {
      let mask = masks.get(point);
      if (mask === undefined) {
        spend(words);
        mask = any.slice();
        masks.set(point, mask);
      }
      setBit(mask, index);
    }
  });
  return masks;
}

function setBit(words: Int32Array, index: number): void {
  const word = Math.floor(index / wordBits);
  words[word] = (words[word] as number) | (1 << (index % wordBits));
}

const pointsOf = remembering(literal, () => 0);

const star = 0x2a;
const questionMark = 0x3f;
