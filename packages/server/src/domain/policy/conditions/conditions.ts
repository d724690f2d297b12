import { listOf, objectOf } from "../documents.ts";
import { spend } from "../effort.ts";
import { PolicyError } from "../policy-error.ts";
import type { DocumentScope } from "../templates.ts";
import { assertKindFits, type Context, conditionKey, valueLengthMaxOf } from "./condition-keys.ts";
import { conditionOperator, type ValueTest } from "./condition-operators.ts";
import { readBoolean } from "./values.ts";

/** One operator on one key. */
export type Condition = ValuesCondition | NullCondition;

interface ValuesCondition {
  readonly type: "values";
  /** Steps of one request at most, if it has one value of the key. */
  readonly stepsMax: number;
  readonly key: string;
  readonly qualifier: "ForAllValues" | "ForAnyValue" | null;
  readonly ifExists: boolean;
  readonly negated: boolean;
  readonly tests: readonly ValueTest[];
}

interface NullCondition {
  readonly type: "null";
  readonly stepsMax: number;
  readonly key: string;
  /** The values of "the key is absent" that satisfy the condition. */
  readonly absent: readonly boolean[];
}

/** Every operator and every key of a Condition must hold; of an operator's values for a key, one is enough. */
export function parseConditions(value: unknown, scope: DocumentScope): readonly Condition[] {
  return Object.entries(objectOf(value, "Condition")).flatMap(([operator, block]) => {
    const entries = Object.entries(objectOf(block, operator));
    if (entries.length === 0) {
      throw new PolicyError(`${operator} is empty`);
    }
    const conditions = entries.map(([key, values]) => parseCondition(operator, key, values, scope));
    if (new Set(conditions.map(({ key }) => key)).size < conditions.length) {
      throw new PolicyError(`${operator} has a key twice`);
    }
    return conditions;
  });
}

/** Context keys without values count as absent. */
export function holds(condition: Condition, context: Context): boolean {
  const values = context.get(condition.key) ?? [];
  if (condition.type === "null") {
    return condition.absent.includes(values.length === 0);
  }
  if (values.length === 0) {
    return holdsWithout(condition);
  }
  const { negated, qualifier, tests } = condition;
  const meets = (value: string): boolean => tests.some((test) => tried(test, value, context)) !== negated;
  // Without a qualifier a negated operator is the opposite of its twin, however many values there are.
  const everyValue = qualifier === null ? negated : qualifier === "ForAllValues";
  return everyValue ? values.every(meets) : values.some(meets);
}

const stepsPerTest = 20;
/** Some values are read before they are compared. */
const stepsPerCondition = 200;

function tried(test: ValueTest, value: string, context: Context): boolean {
  spend(stepsPerTest);
  return test.meets(value, context);
}

/** IAM: an absent key does not match, so a negated operator holds; of no values all hold, and none does. */
function holdsWithout({ ifExists, negated, qualifier }: ValuesCondition): boolean {
  if (ifExists) {
    return true;
  }
  return qualifier === null ? negated : qualifier === "ForAllValues";
}

function parseCondition(name: string, keyName: string, value: unknown, scope: DocumentScope): Condition {
  const key = conditionKey(keyName);
  scope.conditionKeys.add(key);
  const wanted = listOf(value, `${name} of ${keyName}`).map(valueText);
  if (name === "Null") {
    return { type: "null", stepsMax: 0, key, absent: wanted.map(absence) };
  }
  const [, qualifier = null, operatorName = "", ifExists] = operatorParts.exec(name) ?? [];
  const operator = conditionOperator(operatorName);
  if (operator === undefined) {
    throw new PolicyError(`unknown condition operator: ${name}`);
  }
  assertKindFits(key, operator.kind, name);
  const tests = wanted.map((text) => operator.testFor(text, scope));
  const valueLength = valueLengthMaxOf(key);
  return {
    type: "values",
    stepsMax: tests.reduce((steps, test) => steps + stepsPerTest + test.stepsMax(valueLength), stepsPerCondition),
    key,
    qualifier: qualifier as ValuesCondition["qualifier"],
    ifExists: ifExists !== undefined,
    negated: operator.negated,
    tests,
  };
}

const operatorParts = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

/** Numbers and truth values may stand without quotes. */
function valueText(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  throw new PolicyError("condition values must be strings, numbers or truth values");
}

function absence(text: string): boolean {
  const absent = readBoolean(text);
  if (absent === undefined) {
    throw new PolicyError(`Null takes true or false, not ${text}`);
  }
  return absent;
}
