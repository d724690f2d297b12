/** One character of a pattern; a `*` or `?` that is wild is a wildcard, otherwise itself. */
export interface Token {
  readonly character: string;
  readonly isWild: boolean;
}

type Context = Readonly<Record<string, readonly string[]>>;

/** Puts the request's values in the place of variables; null when one has none. */
export function expanded(text: string, hasVariables: boolean, context: Context): Token[] | null {
  const wild = (part: string): Token[] =>
    [...part].map((character) => ({ character, isWild: "*?".includes(character) }));
  const tame = (part: string): Token[] => [...part].map((character) => ({ character, isWild: false }));
  if (!hasVariables) return wild(text);
  const start = text.indexOf("${");
  if (start < 0) return wild(text);
  const end = text.indexOf("}", start);
  const rest = expanded(text.slice(end + 1), true, context);
  const inside = text.slice(start + 2, end);
  const value = valueOfVariable(inside, context);
  return rest === null || value === null ? null : [...wild(text.slice(0, start)), ...tame(value), ...rest];
}

function valueOfVariable(inside: string, context: Context): string | null {
  if (["*", "?", "$"].includes(inside)) return inside;
  const [name = "", quoted] = inside.split(/,\s*/);
  const values = context[name.toLowerCase()] ?? [];
  if (values.length === 0) return quoted === undefined ? null : quoted.slice(1, -1);
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** Every character is a choice between the two things that a `*` can do with it. */
export function like(pattern: readonly Token[], text: readonly string[]): boolean {
  const [token, ...rest] = pattern;
  const [character, ...others] = text;
  if (token === undefined) return character === undefined;
  if (token.isWild && token.character === "*") {
    return like(rest, text) || (character !== undefined && like(pattern, others));
  }
  return character !== undefined && (token.isWild || token.character === character) && like(rest, others);
}

/**
 * "You can use wildcard characters within the individual segments of an ARN (the parts separated by colons). If the * wildcard
 * is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries."
 */
export function resourceLike(pattern: readonly Token[], text: string): boolean {
  if (!text.includes(":")) return pattern.every(({ character, isWild }) => isWild && character === "*");
  return resourceRest(pattern, text);
}

function resourceRest(pattern: readonly Token[], text: string): boolean {
  const [token, ...rest] = pattern;
  if (token === undefined) return text === "";
  if (!token.isWild) return text[0] === token.character && resourceRest(rest, text.slice(1));
  const lengths = token.character === "?" ? [1] : [...text, ""].map((_, index) => index);
  const crosses = token.character === "*" && (rest[0] === undefined || rest[0].character === ":");
  return lengths.some(
    (length) =>
      length <= text.length &&
      (crosses || !text.slice(0, length).includes(":")) &&
      resourceRest(rest, text.slice(length)),
  );
}

/** "Each of the six colon-delimited components of the ARN is checked separately." */
export function arnLike(pattern: readonly Token[], text: string): boolean {
  const components = text.split(":");
  if (components.length !== 6) return false;
  if (pattern.length === 1 && pattern[0]?.isWild === true && pattern[0].character === "*") return true;
  const parts: Token[][] = [[]];
  for (const token of pattern) {
    if (token.character === ":" && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.length === 6 && parts.every((part, index) => like(part, [...(components[index] ?? "")]));
}
