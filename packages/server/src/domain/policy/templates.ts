import { type Context, conditionKey, valueLengthMax, valueLengthMaxOf } from "./conditions/condition-keys.ts";
import { remembering, spend } from "./effort.ts";
import { anyOne, anyRun, literal, loosePointSteps, type Pattern, withWildcards } from "./patterns.ts";
import { PolicyError } from "./policy-error.ts";

/** A pattern of a policy, with the variables that each request fills in. */
export type Template = readonly (Pattern | Variable)[];

interface Variable {
  readonly key: string;
  readonly fallback: string | null;
  readonly ignoreCase: boolean;
}

/** Facts about a document that its parts need while they are parsed. */
export interface DocumentScope {
  /** Version 2012-10-17 has variables; before, `${` was two characters. */
  readonly hasVariables: boolean;
  /** Collects every key that the document asks for. */
  readonly conditionKeys: Set<string>;
}

export interface TemplateSyntax {
  readonly wildcards: boolean;
  readonly ignoreCase: boolean;
}

/** Throws PolicyError for a variable that cannot be understood. */
export function parseTemplate(text: string, scope: DocumentScope, { wildcards, ignoreCase }: TemplateSyntax): Template {
  const fixed = (part: string): Pattern =>
    (wildcards ? withWildcards : literal)(ignoreCase ? part.toLowerCase() : part);
  if (!scope.hasVariables) {
    return [fixed(text)];
  }
  const pieces: (Pattern | Variable)[] = [];
  let end = 0;
  for (let start = text.indexOf("${"); start >= 0; start = text.indexOf("${", end)) {
    variable.lastIndex = start;
    const found = variable.exec(text);
    if (found === null) {
      throw new PolicyError(`not a policy variable: ${text.slice(start)}`);
    }
    pieces.push(fixed(text.slice(end, start)), replacement(found, scope, ignoreCase));
    end = variable.lastIndex;
  }
  return joined([...pieces, fixed(text.slice(end))]);
}

/** Null when a variable has no value: then there is nothing that a text could be equal to, or like. */
export function patternOf(template: Template, context: Context): Pattern | null {
  const [first] = template;
  if (template.length === 1 && first !== undefined && isPattern(first)) {
    return first;
  }
  return assembled(template, context);
}

function assembled(template: Template, context: Context): Pattern | null {
  const points: number[] = [];
  let valuesLength = 0;
  for (const piece of template) {
    const value = isPattern(piece) ? [] : substituted(piece, context);
    valuesLength += value?.length ?? 0;
    // No text is as long as what the values alone would make.
    if (value === null || valuesLength > valueLengthMax) {
      return null;
    }
    const pattern = isPattern(piece) ? piece : value;
    spend(pattern.length);
    for (const point of pattern) points.push(point);
  }
  return points;
}

/** Steps of a comparison with a string of this many characters, whatever the request says. */
export function stepsOfTemplate(template: Template, textLength: number): number {
  const length = template.reduce(
    (sum, piece) => sum + (isPattern(piece) ? piece.length : valueLengthMaxOf(piece.key)),
    0,
  );
  const has = (mark: number) => template.some((piece) => isPattern(piece) && piece.includes(mark));
  const words = has(anyOne) && has(anyRun) ? loosePointSteps(Math.min(length, valueLengthMax)) : 0;
  // Once to put the pattern together, once to compare it, and with `?` between runs once to prepare the search.
  return length * (2 + words) + textLength * (1 + words);
}

export function isPattern(piece: Pattern | Variable): piece is Pattern {
  return Array.isArray(piece);
}

/** `${*}`, `${?}`, `${$}`, `${key}` or `${key, 'default'}`. */
const variable = /\$\{(?:([*?$])|([^,'{}]+)(?:,\s*'([^'{}]*)')?)\}/y;

function replacement(found: RegExpExecArray, scope: DocumentScope, ignoreCase: boolean): Pattern | Variable {
  const [, special, name = "", fallback] = found;
  if (special !== undefined) {
    return literal(special);
  }
  const key = conditionKey(name.trim());
  scope.conditionKeys.add(key);
  return { key, fallback: fallback ?? null, ignoreCase };
}

/** A value from the request is literal: a `*` in a user's name is no wildcard. */
function substituted({ key, fallback, ignoreCase }: Variable, context: Context): Pattern | null {
  const [value = fallback, ...others] = context.get(key) ?? [];
  // Several values are as good as none: no one could say which is meant.
  return value === null || others.length > 0 ? null : literalOnce(ignoreCase ? value.toLowerCase() : value);
}

const literalOnce = remembering(literal, (text) => text.length);

function joined(pieces: Template): Template {
  const template: (number[] | Variable)[] = [];
  for (const piece of pieces) {
    const last = template.at(-1);
    if (!isPattern(piece)) {
      template.push(piece);
    } else if (Array.isArray(last)) {
      for (const point of piece) last.push(point);
    } else {
      template.push([...piece]);
    }
  }
  return template;
}
