import type { Random } from "../../../../test/support/random.ts";
import type { Forged } from "./attacks.ts";
import type { Draft } from "./signing.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * A signed request with one character of it changed, anywhere that means something: in its path, its query, the value of a
 * signed header, what it says of its signature, or its body.
 */
export function damaged(request: Draft, body: string, random: Random): Forged & { readonly where: string } {
  const { path, query = "", headers } = request;
  // Another length would only make another body of it, and of the next request.
  const changeable = headers.flatMap(([name, value], at) =>
    name.toLowerCase() === "content-length" || value === "" ? [] : [at],
  );
  const places = [
    { where: "path", edit: () => ({ path: `/${changed(path.slice(1), random)}` }) },
    ...(query === "" ? [] : [{ where: "query", edit: () => ({ query: changed(query, random) }) }]),
    ...(body === "" ? [] : [{ where: "body", edit: () => ({ body: changed(body, random) }) }]),
    ...changeable.map((at) => ({
      where: headers[at]?.[0] ?? "",
      edit: () => ({
        headers: headers.map(([name, value], index) => [name, index === at ? changed(value, random) : value] as const),
      }),
    })),
  ];
  const place = random.oneOf(places);
  return { ...request, body, ...place?.edit(), where: place?.where ?? "" };
}

/** Not into the same letter in the other case: the names of the signed headers mean the same in either. */
function changed(text: string, random: Random): string {
  const at = random.whole(0, text.length - 1);
  const others = [...letters].filter((letter) => letter.toLowerCase() !== text[at]?.toLowerCase());
  return text.slice(0, at) + (random.oneOf(others) ?? "") + text.slice(at + 1);
}
