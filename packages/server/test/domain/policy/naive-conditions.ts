import { arnLike, like, type Token } from "./naive-patterns.ts";

type Scalar = string | number | boolean;
type Comparison = (value: string, wanted: string, tokens: (text: string) => Token[] | null) => boolean;

const number = (test: (value: number, wanted: number) => boolean): Comparison => {
  return (value, wanted) => /^-?[0-9.]+$/.test(value) && test(Number(value), Number(wanted));
};
const moment = (text: string) => (/^[0-9]+$/.test(text) ? Number(text) * 1000 : new Date(text).getTime());
const date = (test: (value: number, wanted: number) => boolean): Comparison => {
  return (value, wanted) => test(moment(value), moment(wanted));
};

/** A text where only variables mean something: a `*` that was written is a `*`. */
const same =
  (change: (text: string) => string): Comparison =>
  (value, wanted, tokens) => {
    const found = tokens(wanted);
    return found !== null && change(found.map(({ character }) => character).join("")) === change(value);
  };

const positive: Readonly<Record<string, Comparison>> = {
  StringEquals: same((text) => text),
  StringEqualsIgnoreCase: same((text) => text.toLowerCase()),
  StringLike: (value, wanted, tokens) => {
    const pattern = tokens(wanted);
    return pattern !== null && like(pattern, [...value]);
  },
  NumericEquals: number((value, wanted) => value === wanted),
  NumericLessThan: number((value, wanted) => value < wanted),
  NumericLessThanEquals: number((value, wanted) => value <= wanted),
  NumericGreaterThan: number((value, wanted) => value > wanted),
  NumericGreaterThanEquals: number((value, wanted) => value >= wanted),
  DateEquals: date((value, wanted) => value === wanted),
  DateLessThan: date((value, wanted) => value < wanted),
  DateLessThanEquals: date((value, wanted) => value <= wanted),
  DateGreaterThan: date((value, wanted) => value > wanted),
  DateGreaterThanEquals: date((value, wanted) => value >= wanted),
  Bool: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  BinaryEquals: (value, wanted) =>
    /^[\w+/]*=*$/.test(value) && Buffer.from(value, "base64").equals(Buffer.from(wanted, "base64")),
  IpAddress: (value, wanted) => {
    const [network = "", length] = wanted.split("/");
    const [own, other] = [addressBits(value), addressBits(network)];
    const mapped = network.startsWith("::ffff:") ? 96 : 0;
    const size = length === undefined ? other.length : Number(length) - mapped;
    return own.length === other.length && own.startsWith(other.slice(0, size));
  },
  ArnEquals: arnComparison,
  ArnLike: arnComparison,
};

const negations: Readonly<Record<string, string>> = {
  StringNotEquals: "StringEquals",
  StringNotEqualsIgnoreCase: "StringEqualsIgnoreCase",
  StringNotLike: "StringLike",
  NumericNotEquals: "NumericEquals",
  DateNotEquals: "DateEquals",
  NotIpAddress: "IpAddress",
  ArnNotEquals: "ArnEquals",
  ArnNotLike: "ArnLike",
};

export function conditionHolds(
  operator: string,
  key: string,
  wanted: readonly Scalar[],
  tokens: (text: string) => Token[] | null,
  context: Readonly<Record<string, readonly string[]>>,
): boolean {
  const values = context[key.toLowerCase()];
  if (operator === "Null") return wanted.some((text) => String(text) === String(values === undefined));
  const { set, base, orAbsent } = parts(operator);
  if (values === undefined) {
    if (orAbsent || set === "ForAllValues") return true;
    return set === "" && base in negations;
  }
  const comparison = positive[negations[base] ?? base];
  const isMet = (value: string) => wanted.some((text) => comparison?.(value, String(text), tokens) === true);
  const holds = (value: string) => (base in negations ? !isMet(value) : isMet(value));
  if (set === "ForAllValues") return values.every(holds);
  if (set === "ForAnyValue") return values.some(holds);
  return base in negations ? !values.some(isMet) : values.some(isMet);
}

/** Finds the flaws that the generator plants: an operator or a key that does not exist. */
export function conditionFlaw(operator: string, block: object): boolean {
  const { base } = parts(operator);
  const isKnown = operator === "Null" || base in positive || base in negations;
  return !isKnown || Object.keys(block).some((key) => /ArchiveAgeInDay$|SourceIP4/.test(key));
}

function parts(operator: string): { set: string; base: string; orAbsent: boolean } {
  const [last = "", set = ""] = operator.split(":").reverse();
  const orAbsent = last.endsWith("IfExists");
  return { set, base: orAbsent ? last.slice(0, -"IfExists".length) : last, orAbsent };
}

function arnComparison(value: string, wanted: string, tokens: (text: string) => Token[] | null): boolean {
  const pattern = tokens(wanted);
  return pattern !== null && arnLike(pattern, value);
}

/** As a text of 32 or 128 binary digits. */
function addressBits(address: string): string {
  const binary = (group: string, radix: number, size: number) => parseInt(group, radix).toString(2).padStart(size, "0");
  const last = address.split(":").at(-1) ?? "";
  if (last.includes(".") && (address === last || address.startsWith("::ffff:"))) {
    return last
      .split(".")
      .map((byte) => binary(byte, 10, 8))
      .join("");
  }
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const missing = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  return [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail ?? "")]
    .map((group) => binary(group, 16, 16))
    .join("");
}
