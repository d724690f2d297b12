/**
 * Returns a function that says whether a path matches one of the globs. In a glob, `*` stands for any characters of a component, `?` for one,
 * `[a-z]` and `[!a-z]` for one of a set, `**` as a component for any number of components, and `\` takes the next character as it is. A glob
 * without a slash is matched with the last component alone. Names that begin with a dot are no exception.
 *
 * The time is at most the product of both lengths, whatever the path is.
 */
export function globMatcher(
  globs: readonly string[],
  { ignoreCase = false }: { readonly ignoreCase?: boolean } = {},
): (path: string) => boolean {
  const fold = ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const patterns = globs.map((glob) => patternOf(fold(glob)));
  return (path) => {
    const components = fold(path).split("/");
    return patterns.some((pattern) => matches(pattern, components));
  };
}

/** Returns the literal start of all paths that a glob matches; it may be empty. */
export function literalPrefix(glob: string): string {
  return glob.includes("/") ? (/^[^*?[\\]*/.exec(glob)?.[0] ?? "") : "";
}

/** Null stands for any number of components. */
type Pattern = readonly (((part: string) => boolean) | null)[];

function patternOf(glob: string): Pattern {
  const components = glob.includes("/") ? glob.split("/") : ["**", glob];
  const pattern = components.map((component) => (component === "**" ? null : componentMatcher(component)));
  // At the end, it stands for what is in a folder, not for the folder itself.
  return pattern.at(-1) === null ? [...pattern, () => true] : pattern;
}

/** Each repetition takes as little as possible; when what follows does not match, only the last one takes more. That suffices. */
function matches(pattern: Pattern, components: readonly string[]): boolean {
  let [at, next] = [0, 0];
  let last: { readonly next: number; at: number } | null = null;
  while (at < components.length) {
    const match = pattern[next];
    if (match === null) {
      next += 1;
      last = { next, at };
    } else if (match?.(components[at] ?? "")) {
      at += 1;
      next += 1;
    } else if (last !== null) {
      last.at += 1;
      [at, next] = [last.at, last.next];
    } else {
      return false;
    }
  }
  return pattern.slice(next).every((rest) => rest === null);
}

/** Null stands for any number of characters. */
type Token = Pattern[number];

function componentMatcher(glob: string): (component: string) => boolean {
  if (!/[*?[\\]/.test(glob)) {
    return (component) => component === glob;
  }
  const [, start = "", end] = /^([^*?[\\]*)\*([^*?[\\]*)$/.exec(glob) ?? [];
  if (end !== undefined) {
    const length = start.length + end.length;
    return (component) => component.length >= length && component.startsWith(start) && component.endsWith(end);
  }
  const tokens = (glob.match(tokenPattern) ?? []).map(tokenOf);
  return (component) => matches(tokens, [...component]);
}

/** An escaped character, a set, or a character. A set that is not closed is none; a bracket at its beginning belongs to it. */
const tokenPattern = /\\.|\[[!^]?(?:\][^\]]*|[^\]]+)\]|./gsu;

function tokenOf(text: string): Token {
  if (text === "*") {
    return null;
  }
  if (text === "?") {
    return () => true;
  }
  const isSet = text.startsWith("[") && text.length > 1;
  return isSet ? setMatcher([...text.slice(1, -1)]) : literal(/^\\./su.test(text) ? text.slice(1) : text);
}

const literal = (expected: string) => (character: string) => character === expected;

function setMatcher(set: readonly string[]): (character: string) => boolean {
  const isNegated = set.length > 1 && isNegation(set[0]);
  const listed = isNegated ? set.slice(1) : set;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < listed.length; at += 1) {
    const from = listed[at] ?? "";
    const isRange = listed[at + 1] === "-" && at + 2 < listed.length;
    ranges.push([from, isRange ? (listed[at + 2] ?? from) : from]);
    at += isRange ? 2 : 0;
  }
  const points = ranges.map(([from, to]) => [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0] as const);
  return (character) => {
    const point = character.codePointAt(0) ?? 0;
    return points.some(([from, to]) => from <= point && point <= to) !== isNegated;
  };
}

const isNegation = (character: string | undefined) => character === "!" || character === "^";
