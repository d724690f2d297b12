import { matchesArn, parseArnPattern, splitArn, stepsOfArn } from "../arn-patterns.ts";
import { remembering } from "../effort.ts";
import { matches } from "../patterns.ts";
import { PolicyError } from "../policy-error.ts";
import { type DocumentScope, parseTemplate, patternOf, stepsOfTemplate, type TemplateSyntax } from "../templates.ts";
import { contains, readNetwork } from "./addresses.ts";
import type { Context, ValueKind } from "./condition-keys.ts";
import { readBase64, readBoolean, readDate, readNumber } from "./values.ts";

/** One value of a policy, to be compared with values of a request. */
export interface ValueTest {
  meets(value: string, context: Context): boolean;
  /** Steps of a comparison with a value of this many characters, whatever the request says. */
  stepsMax(valueLength: number): number;
}

export interface Operator {
  readonly kind: ValueKind;
  /** Holds where its positive twin does not. */
  readonly negated: boolean;
  /** Throws PolicyError for a value that the operator cannot read. */
  readonly testFor: (wanted: string, scope: DocumentScope) => ValueTest;
}

/** Undefined for a name that IAM does not have. `Null` is not here: it asks for no value (`conditions.ts`). */
export function conditionOperator(name: string): Operator | undefined {
  return operators.get(name);
}

const text =
  (syntax: TemplateSyntax): Operator["testFor"] =>
  (wanted, scope) => {
    const template = parseTemplate(wanted, scope, syntax);
    return {
      meets(value, context) {
        const pattern = patternOf(template, context);
        return pattern !== null && matches(pattern, syntax.ignoreCase ? value.toLowerCase() : value);
      },
      stepsMax: (valueLength) => stepsOfTemplate(template, valueLength),
    };
  };

const arn: Operator["testFor"] = (wanted, scope) => {
  const pattern = parseArnPattern(wanted, scope);
  return {
    meets: (value, context) => splitArn(value) !== null && matchesArn(pattern, value, context),
    stepsMax: (valueLength) => stepsOfArn(pattern, valueLength),
  };
};

/** A value of the request that cannot be read meets nothing. */
function compared<Value>(
  read: (text: string) => Value | undefined,
  holds: (value: Value, wanted: Value) => boolean,
): Operator["testFor"] {
  const readOnce = remembering(read, () => stepsPerReading);
  return (wanted) => {
    const limit = read(wanted);
    if (limit === undefined) {
      throw new PolicyError(`condition value cannot be read: ${wanted}`);
    }
    return {
      meets(value) {
        const known = readOnce(value);
        return known !== undefined && holds(known, limit);
      },
      stepsMax: () => 0,
    };
  };
}

/** A date or an address takes a while to read. */
const stepsPerReading = 150;

/** Four digits are a year in ISO 8601, and a moment of 1970 in epoch time: nobody could say which is meant. */
function date(holds: (value: number, wanted: number) => boolean): Operator["testFor"] {
  const testFor = compared(readDate, holds);
  return (wanted, scope) => testFor(/^[0-9]{4}$/.test(wanted) ? `year ${wanted}` : wanted, scope);
}

const equal = <Value>(value: Value, wanted: Value): boolean => value === wanted;
const less = (value: number, wanted: number): boolean => value < wanted;
const lessOrEqual = (value: number, wanted: number): boolean => value <= wanted;
const greater = (value: number, wanted: number): boolean => value > wanted;
const greaterOrEqual = (value: number, wanted: number): boolean => value >= wanted;

const exact = text({ wildcards: false, ignoreCase: false });
const ignoringCase = text({ wildcards: false, ignoreCase: true });
const like = text({ wildcards: true, ignoreCase: false });
const boolean = compared(readBoolean, equal);
const binary = compared(readBase64, equal);
const address = compared(readNetwork, (value, wanted) => contains(wanted, value));

const operator = (kind: ValueKind, negated: boolean, testFor: Operator["testFor"]): Operator => ({
  kind,
  negated,
  testFor,
});

// biome-ignore format: one line per operator reads as a table.
const operators: ReadonlyMap<string, Operator> = new Map([
  ["StringEquals",              operator("string", false, exact)],
  ["StringNotEquals",           operator("string", true, exact)],
  ["StringEqualsIgnoreCase",    operator("string", false, ignoringCase)],
  ["StringNotEqualsIgnoreCase", operator("string", true, ignoringCase)],
  ["StringLike",                operator("string", false, like)],
  ["StringNotLike",             operator("string", true, like)],
  ["NumericEquals",             operator("numeric", false, compared(readNumber, equal))],
  ["NumericNotEquals",          operator("numeric", true, compared(readNumber, equal))],
  ["NumericLessThan",           operator("numeric", false, compared(readNumber, less))],
  ["NumericLessThanEquals",     operator("numeric", false, compared(readNumber, lessOrEqual))],
  ["NumericGreaterThan",        operator("numeric", false, compared(readNumber, greater))],
  ["NumericGreaterThanEquals",  operator("numeric", false, compared(readNumber, greaterOrEqual))],
  ["DateEquals",                operator("date", false, date(equal))],
  ["DateNotEquals",             operator("date", true, date(equal))],
  ["DateLessThan",              operator("date", false, date(less))],
  ["DateLessThanEquals",        operator("date", false, date(lessOrEqual))],
  ["DateGreaterThan",           operator("date", false, date(greater))],
  ["DateGreaterThanEquals",     operator("date", false, date(greaterOrEqual))],
  ["Bool",                      operator("boolean", false, boolean)],
  ["BinaryEquals",              operator("binary", false, binary)],
  ["IpAddress",                 operator("address", false, address)],
  ["NotIpAddress",              operator("address", true, address)],
  ["ArnEquals",                 operator("arn", false, arn)],
  ["ArnNotEquals",              operator("arn", true, arn)],
  ["ArnLike",                   operator("arn", false, arn)],
  ["ArnNotLike",                operator("arn", true, arn)],
]);
