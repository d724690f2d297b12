interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
}

/** Node 24 and today's browsers have both; TypeScript's library does not know them yet. */
const exactJson = JSON as unknown as ExactJson;

/** No 64-bit integer is written longer. */
const integerLengthMax = 20;

/** Reads JSON that is known to be well formed; an integer that a number cannot hold becomes a bigint. @see docs/wire.md#json */
export function parseLossless(text: string): unknown {
  return exactJson.parse(text, (_key, value, { source = "" }) => {
    const exact = typeof value !== "number" || Number.isSafeInteger(value);
    return exact || source.length > integerLengthMax || !/^-?[0-9]+$/.test(source) ? value : BigInt(source);
  });
}

/** For a replacer of `JSON.stringify`: a bigint as the number it is. */
export function exactNumber(value: bigint): object {
  return exactJson.rawJSON(value.toString());
}
