import { FaultError, type FaultRequest, type FaultRule, faultRule } from "./fault.ts";

const numbers = ["rate", "count", "bytes", "bytesPerSecond", "milliseconds"];
const texts = ["operation", "accountId"];

/** Reads `MODE` or `MODE:name=value,name=value`, as it is written on the command line. Throws FaultError. */
export function parseFault(text: string): FaultRule {
  const colon = text.indexOf(":");
  const mode = colon < 0 ? text : text.slice(0, colon);
  const members: Record<string, string | number> = {};
  for (const pair of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const [name = "", value = ""] = pair.split("=");
    if (
      Object.hasOwn(members, name) ||
      pair !== `${name}=${value}` ||
      !(numbers.includes(name) || texts.includes(name))
    ) {
      throw new FaultError(
        `Not understood in ${text}: ${pair}. There are ${[...texts, ...numbers].join(", ")}, once each`,
      );
    }
    members[name] = numbers.includes(name) ? numberOf(value, text) : value;
  }
  return faultRule({ mode, ...members } satisfies FaultRequest);
}

function numberOf(value: string, text: string): number {
  if (!/^[0-9]{1,15}$|^[0-9]?\.[0-9]{1,15}$/.test(value)) {
    throw new FaultError(`Not a number in ${text}: ${value}`);
  }
  return Number(value);
}

/** The same form, to show it. */
export function formatFault({ mode, ...members }: FaultRule): string {
  const pairs = [...texts, ...numbers].flatMap((name) => {
    const value = members[name as keyof typeof members];
    return value === null || (name === "rate" && value === 1) ? [] : [`${name}=${value}`];
  });
  return pairs.length === 0 ? mode : `${mode}:${pairs.join(",")}`;
}
