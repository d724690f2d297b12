/** The first syntax error of a JSON document. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

const token =
  /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|./suy;
const space = /[ \t\r\n]*/y;

/** Tokens that may follow, as the message names them. */
const expectations = {
  value: "a value",
  valueOrEnd: "a value or ]",
  key: "a key in double quotes",
  keyOrEnd: "a key in double quotes or }",
  colon: ":",
  commaInObject: ", or }",
  commaInArray: ", or ]",
  end: "nothing more",
} as const;

type Expected = keyof typeof expectations;
type Opening = "{" | "[";

/** The effect of a token: other tokens are expected, or a value is opened, closed, or complete. */
type Step = Expected | Opening | "closed" | "complete";

const valueSteps = { "{": "{", "[": "[", text: "complete", scalar: "complete" } as const;
const steps: Readonly<Record<Expected, Readonly<Record<string, Step>>>> = {
  value: valueSteps,
  valueOrEnd: { ...valueSteps, "]": "closed" },
  key: { text: "colon" },
  keyOrEnd: { text: "colon", "}": "closed" },
  colon: { ":": "value" },
  commaInObject: { ",": "key", "}": "closed" },
  commaInArray: { ",": "value", "]": "closed" },
  end: {},
};

/** Finds the first syntax error. Returns null for valid JSON. The engine's own messages do not always have a position. */
export function findJsonFault(text: string): JsonFault | null {
  const open: Opening[] = [];
  let expected: Expected = "value";
  let offset = 0;
  for (;;) {
    offset += lengthAt(space, text, offset);
    const found = text.slice(offset, offset + lengthAt(token, text, offset));
    if (found === "" && expected === "end") {
      return null;
    }
    const step = steps[expected][kindOf(found)];
    if (step === undefined) {
      return faultAt(text, offset, expected, found);
    }
    expected = follow(step, open);
    offset += found.length;
  }
}

/** Classifies a token. A lone quote starts an invalid string. */
function kindOf(found: string): string {
  if (found.startsWith('"') && found.length > 1) {
    return "text";
  }
  return /^(-?\d.*|true|false|null)$/.test(found) ? "scalar" : found;
}

function follow(step: Step, open: Opening[]): Expected {
  if (step === "{" || step === "[") {
    open.push(step);
    return step === "{" ? "keyOrEnd" : "valueOrEnd";
  }
  if (step === "closed") {
    open.pop();
  }
  if (step === "closed" || step === "complete") {
    const innermost = open.at(-1);
    return innermost === undefined ? "end" : innermost === "{" ? "commaInObject" : "commaInArray";
  }
  return step;
}

function faultAt(text: string, offset: number, expected: Expected, found: string): JsonFault {
  const before = text.slice(0, offset).split("\n");
  const reason =
    found === '"'
      ? "an unterminated string, or an invalid escape"
      : `expected ${expectations[expected]}, found ${inWords(found)}`;
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason };
}

function inWords(found: string): string {
  // For example a byte order mark.
  const isUnseen = /^[\p{C}\p{Z}]$/u.test(found);
  const code = () => `U+${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
  return found === "" ? "the end" : isUnseen ? code() : found.slice(0, 20);
}

function lengthAt(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0].length ?? 0;
}
