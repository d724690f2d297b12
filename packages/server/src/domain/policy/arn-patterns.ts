import type { Context } from "./conditions/condition-keys.ts";
import { anyRun, matches } from "./patterns.ts";
import { PolicyError } from "./policy-error.ts";
import {
  type DocumentScope,
  isPattern,
  parseTemplate,
  patternOf,
  stepsOfTemplate,
  type Template,
} from "./templates.ts";

/** `arn:partition:service:region:account:resource`; a colon after the fifth belongs to the resource. */
const componentCount = 6;

/** A pattern that ARNs are matched with: `*`, or one of several readings, component by component. */
export interface ArnPattern {
  readonly everything: boolean;
  readonly readings: readonly (readonly Template[])[];
}

/**
 * As the Resource element has them: `*` and `?` stay within a component, but a `*` that ends one may continue over the colons
 * behind it, so a pattern of fewer than six components is read in every way that fills it up. Throws PolicyError if none does.
 */
export function parseResourcePattern(text: string, scope: DocumentScope): ArnPattern {
  const components = componentsOf(text, scope);
  const everything = isEverything(components);
  const readings = everything ? [] : filledUp(components);
  if (!everything && readings.length === 0) {
    throw new PolicyError(`not an ARN: ${text}`);
  }
  return { everything, readings };
}

/** As the ARN operators of conditions have them: six components, each compared for itself, or `*` alone. */
export function parseArnPattern(text: string, scope: DocumentScope): ArnPattern {
  const components = componentsOf(text, scope);
  const everything = isEverything(components);
  if (!everything && components.length < componentCount) {
    throw new PolicyError(`not an ARN: ${text}`);
  }
  return { everything, readings: [components] };
}

/** A text that is no ARN, like the resource `*` of what no resource limits, is matched by `*` alone. */
export function matchesArn({ everything, readings }: ArnPattern, arn: string, context: Context): boolean {
  if (everything) {
    return true;
  }
  const components = splitArn(arn);
  return components !== null && readings.some((reading) => matchesComponents(reading, components, context));
}

/** Whether some request could make the pattern match: a variable may turn out to be anything. */
export function couldMatchArn(pattern: ArnPattern, arn: string): boolean {
  return matchesArn({ ...pattern, readings: pattern.readings.map((reading) => reading.map(loosened)) }, arn, noContext);
}

/** Whether the pattern matches whoever asks, and whatever the time is. */
export function isWholly({ everything, readings }: ArnPattern, arn: string): boolean {
  const fixed = readings.filter((reading) => reading.every((template) => template.every(isPattern)));
  return matchesArn({ everything, readings: fixed }, arn, noContext);
}

/** Whether the pattern could be an ARN of AWS and of one of the services. */
export function couldNameService({ everything, readings }: ArnPattern, services: readonly string[]): boolean {
  const could = (template: Template | undefined, texts: readonly string[]): boolean => {
    const pattern = patternOf(loosened(template ?? []), noContext) ?? [];
    return texts.some((text) => matches(pattern, text));
  };
  return (
    everything ||
    readings.some(
      ([start, partition, service]) =>
        could(start, ["arn"]) && could(partition, ["aws", "aws-cn", "aws-us-gov"]) && could(service, services),
    )
  );
}

/** Steps of a comparison with an ARN of this many characters: each reading compares each of its components at most once. */
export function stepsOfArn({ everything, readings }: ArnPattern, arnLength: number): number {
  const ofReading = (reading: readonly Template[]) => {
    const perPoint = Math.max(
      ...reading.map((template) => stepsOfTemplate(template, 1) - stepsOfTemplate(template, 0)),
    );
    return reading.reduce((steps, template) => steps + stepsOfTemplate(template, 0), arnLength * perPoint);
  };
  return everything ? 0 : readings.reduce((steps, reading) => steps + ofReading(reading), 0);
}

/** Null for a text of fewer than six components. */
export function splitArn(arn: string): readonly string[] | null {
  const parts = arn.split(":");
  if (parts.length < componentCount || parts[0] !== "arn") {
    return null;
  }
  return [...parts.slice(0, componentCount - 1), parts.slice(componentCount - 1).join(":")];
}

function matchesComponents(reading: readonly Template[], components: readonly string[], context: Context): boolean {
  return reading.every((template, index) => {
    const pattern = patternOf(template, context);
    return pattern !== null && matches(pattern, components[index] ?? "");
  });
}

const noContext: Context = new Map();

const loosened = (template: Template): Template => template.map((piece) => (isPattern(piece) ? piece : [anyRun]));

function componentsOf(text: string, scope: DocumentScope): readonly Template[] {
  return splitAtColons(parseTemplate(text, scope, { wildcards: true, ignoreCase: false }));
}

const isEverything = (components: readonly Template[]): boolean =>
  components.length === 1 && components[0]?.every((piece) => isPattern(piece) && isRuns(piece)) === true;

const isRuns = (pattern: readonly number[]): boolean =>
  pattern.length > 0 && pattern.every((point) => point === anyRun);

function splitAtColons(template: Template): readonly Template[] {
  const components: Template[number][][] = [[]];
  for (const piece of template) {
    let rest = piece;
    while (isPattern(rest) && components.length < componentCount && rest.includes(colon)) {
      const index = rest.indexOf(colon);
      components.at(-1)?.push(rest.slice(0, index));
      components.push([]);
      rest = rest.slice(index + 1);
    }
    components.at(-1)?.push(rest);
  }
  return components;
}

const colon = 0x3a;
const anyComponent: Template = [[anyRun]];

/** At most ten readings, however the runs stand. */
function filledUp(components: readonly Template[]): readonly (readonly Template[])[] {
  if (components.length === componentCount) {
    return [components];
  }
  const readings: (readonly Template[])[] = [];
  const place = (filled: readonly Template[], rest: readonly Template[]): void => {
    const [next, ...others] = rest;
    if (next === undefined) {
      if (filled.length === componentCount) readings.push(filled);
      return;
    }
    const spare = endsInRun(next) ? componentCount - filled.length - rest.length : 0;
    for (let count = 0; count <= spare; count += 1) {
      place([...filled, next, ...Array<Template>(count).fill(anyComponent)], others);
    }
  };
  place([], components);
  return readings;
}

function endsInRun(template: Template): boolean {
  const last = template.at(-1);
  return last !== undefined && isPattern(last) && last.at(-1) === anyRun;
}
