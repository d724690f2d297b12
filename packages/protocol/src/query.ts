import { errors } from "./errors.ts";

/**
 * The parameters of a raw query, in the order received, decoded once. A plus sign is a plus sign, as it is in what gets
 * signed: only forms mean a space by it. Throws BadRequest for what is not percent-encoded UTF-8.
 */
export function parseQuery(query: string): Array<readonly [name: string, value: string]> {
  if (query === "") return [];
  return query.split("&").map((parameter) => {
    const equals = parameter.indexOf("=");
    const end = equals < 0 ? parameter.length : equals;
    return [decode(parameter.slice(0, end)), decode(parameter.slice(end + 1))] as const;
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw errors.badRequest(`The query is not percent-encoded UTF-8: ${text}`);
  }
}
