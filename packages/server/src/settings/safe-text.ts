/** Controls, and characters that reorder or hide others: anybody who changed a row chose its text. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const escaped = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");

/** The text as a terminal may show it. */
export const onOneLine = (text: string): string => text.replace(unsafe, escaped);

export const asciiJson = (value: unknown): string => JSON.stringify(value).replace(unsafe, escaped);
