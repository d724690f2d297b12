/** A request as it stands on the wire, and what its signature claims to cover. */
export interface SignedRequest {
  readonly method: string;
  /** Raw, still percent-encoded, without the query. */
  readonly path: string;
  /** Raw, still percent-encoded, without the question mark. */
  readonly query: string;
  /** In the order received, repeated names included; names in any case. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits; the caller has to see to it that the body really hashes to them. */
  readonly payloadHash: string;
}

/**
 * The text of a request whose hash is signed, by the rules of Signature Version 4 for all services but S3.
 *
 * `spaces` says what becomes of runs of spaces within a header: the rule collapses them to one, but some old clients
 * only trim the ends. A signed header that was not sent counts as empty, so compare the list with the headers first.
 */
export function canonicalRequest(request: SignedRequest, spaces: "collapsed" | "trimmed"): string {
  const names = request.signedHeaders.map((name) => name.toLowerCase()).sort();
  const values = headerValues(request.headers, spaces);
  return [
    request.method.toUpperCase(),
    canonicalPath(request.path),
    canonicalQuery(request.query),
    ...names.map((name) => `${name}:${values.get(name)?.join(",") ?? ""}`),
    "",
    names.join(";"),
    request.payloadHash,
  ].join("\n");
}

/** RFC 3986: all but letters, digits and `- . _ ~` becomes percent signs and uppercase digits, of UTF-8 bytes. */
export function uriEncode(text: string): string {
  const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD");
  return encodeURIComponent(wellFormed).replace(/[!'()*]/g, percentEncode);
}

/** Encodes what the wire has once more, so `%2F` becomes `%252F`; S3 alone does not. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(uriEncode(segment));
  }
  const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${end}`;
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .map(canonicalParameter)
    .filter(([name]) => name !== "X-Amz-Signature")
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function canonicalParameter(parameter: string): [name: string, value: string] {
  const equals = parameter.indexOf("=");
  if (equals < 0) return [recode(parameter), ""];
  return [recode(parameter.slice(0, equals)), recode(parameter.slice(equals + 1))];
}

/**
 * Decodes and encodes again, byte by byte: encoded bytes that are no UTF-8 stay as they are, and a percent sign that
 * introduces nothing is taken literally. So is a plus sign, which only forms mean as a space.
 */
function recode(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^%]+|%/g, (piece) => {
    if (!/^%./s.test(piece)) return uriEncode(piece);
    const character = String.fromCharCode(Number.parseInt(piece.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : piece.toUpperCase();
  });
}

function headerValues(headers: SignedRequest["headers"], spaces: "collapsed" | "trimmed"): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const list = values.get(key) ?? [];
    list.push(spaces === "collapsed" ? collapse(value) : trim(value));
    values.set(key, list);
  }
  return values;
}

function collapse(value: string): string {
  return trim(value.replace(/[ \t\r\n]+/g, " "));
}

/** Not `String.trim`, which would also take a no-break space, a byte of its own in a header read as Latin-1. */
function trim(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charAt(start))) start += 1;
  while (end > start && isSpace(value.charAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isSpace(character: string): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\n";
}

/** By code units; all that is compared here is ASCII. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
