import { type SignedText, textOf } from "./signed-text.ts";

/** Bytes that two readers could take for different requests, or that no reader should take for one. */
export interface Smuggling {
  readonly name: string;
  readonly text: string;
}

/**
 * Each case is a request that is right and signed but for one thing, so that whatever is let through is also executed.
 * @param outer a signed request without a body. @param inner the text of another, to hide in bodies.
 */
export function smugglingCorpus(outer: SignedText, inner: string): Smuggling[] {
  return [
    ...framing(outer, inner),
    ...lengths(outer, inner),
    ...chunks(outer, inner),
    ...lines(outer),
    ...requestLines(outer),
    ...hosts(outer),
    ...sizes(outer),
    ...otherProtocols(outer),
  ];
}

const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const shown = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

function framing(outer: SignedText, inner: string): Smuggling[] {
  const length = `Content-Length: ${inner.length}`;
  const encodings = [
    "Transfer-Encoding: chunked",
    "transfer-encoding: CHUNKED",
    "Transfer-Encoding:chunked",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: chunked ",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunked;q=1",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x00chunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
  ];
  return encodings.flatMap((encoding) => [
    { name: `${shown(encoding)} before a length`, text: textOf(outer, [encoding, length], chunked(inner)) },
    { name: `${shown(encoding)} after a length`, text: textOf(outer, [length, encoding], `0\r\n\r\n${inner}`) },
  ]);
}

function lengths(outer: SignedText, inner: string): Smuggling[] {
  const values = [
    "+5",
    "-5",
    "0x5",
    "5 5",
    "5,5",
    "5, 5",
    "5;",
    "5a",
    "a",
    "",
    " ",
    "1e1",
    "5.0",
    "\x005",
    "5\x00",
    "٥",
    "18446744073709551617",
    "99999999999999999999999",
  ];
  return [
    ...values.map((value) => ({
      name: `Content-Length ${shown(value)}`,
      text: textOf(outer, [`Content-Length: ${value}`], `12345${inner}`),
    })),
    ...[
      ["Content-Length: 0", `Content-Length: ${inner.length}`],
      [`Content-Length: ${inner.length}`, "Content-Length: 0"],
      ["Content-Length: 0", "Content-Length: 0"],
      ["Content-Length: 0", "content-length : 5"],
      ["Content-Length : 5"],
      ["Content-Length: 0\r\n 5"],
      ["Content-Length: 0", "X: y\nContent-Length: 5"],
    ].map((headers) => ({ name: headers.map(shown).join(" and "), text: textOf(outer, headers, inner) })),
  ];
}

function chunks(outer: SignedText, inner: string): Smuggling[] {
  const bodies = [
    "g\r\n\r\n0\r\n\r\n",
    "-1\r\na\r\n0\r\n\r\n",
    "0x1\r\na\r\n0\r\n\r\n",
    "+1\r\na\r\n0\r\n\r\n",
    " 1\r\na\r\n0\r\n\r\n",
    "1 \r\na\r\n0\r\n\r\n",
    "\r\n1\r\na\r\n0\r\n\r\n",
    "1\na\r\n0\r\n\r\n",
    "1\r\na\n0\r\n\r\n",
    "1\r\nab\r\n0\r\n\r\n",
    "2\r\na\r\n0\r\n\r\n",
    "1\r\na0\r\n\r\n",
    "0\n\n",
    "0\r\n\n",
    "0\rX\n\r\n",
    "1;a\nb\r\na\r\n0\r\n\r\n",
    "1;a\rb\r\na\r\n0\r\n\r\n",
    "1;a=\x00\r\na\r\n0\r\n\r\n",
    `1;${"e".repeat(20_000)}\r\na\r\n0\r\n\r\n`,
    "ffffffffffffffff\r\na\r\n0\r\n\r\n",
    "10000000000000000\r\na\r\n0\r\n\r\n",
    `0${"0".repeat(30)}1\r\na\r\n0\r\n\r\nX`,
    "0\r\nContent Length: 5\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    `0\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
    `${inner.length.toString(16)}g\r\n${inner}\r\n0\r\n\r\n`,
  ];
  return bodies.map((body) => ({
    name: `the chunks ${shown(body)}`,
    text: textOf(outer, ["Transfer-Encoding: chunked"], body),
  }));
}

function lines(outer: SignedText): Smuggling[] {
  const headers = [
    "X: a\nY: b",
    "X: a\rY: b",
    "X: a\r\n folded",
    "X: a\r\n\tfolded",
    "X : a",
    "X\t: a",
    ": a",
    "X",
    "X Y: a",
    "X(Y): a",
    "X\x00: a",
    "X: a\x00b",
    "X: a\x01b",
    "X: a\x7fb",
    "X: a\x0bb",
    "X\xe9: a",
    "\x00",
    "X:a\n",
    "X: a\n\r\n",
  ];
  const all = textOf(outer);
  return [
    ...headers.map((header) => ({ name: `the header ${shown(header)}`, text: textOf(outer, [header]) })),
    { name: "LF at the end of every line", text: all.replaceAll("\r\n", "\n") },
    { name: "CR at the end of every line", text: all.replaceAll("\r\n", "\r") },
    { name: "LF CR at the end of every line", text: all.replaceAll("\r\n", "\n\r") },
    { name: "LF after the request line", text: all.replace("\r\n", "\n") },
    { name: "LF before the empty line", text: all.replace("\r\n\r\n", "\n\r\n") },
    { name: "LF for the empty line", text: all.replace("\r\n\r\n", "\r\n\n") },
    { name: "a space before the first header", text: all.replace("\r\n", "\r\n ") },
    { name: "a folded Authorization", text: all.replace(", ", ",").replace(",SignedHeaders", ",\r\n SignedHeaders") },
  ];
}

function requestLines(outer: SignedText): Smuggling[] {
  const [method = "", target = ""] = outer.requestLine.split(" ");
  const host = outer.headers[0]?.slice("Host: ".length) ?? "";
  return [
    `${method} http://${host}${target} HTTP/1.1`,
    `${method} http://example.com${target} HTTP/1.1`,
    `${method} //${host}${target} HTTP/1.1`,
    `${method} ${host} HTTP/1.1`,
    `${method} * HTTP/1.1`,
    "OPTIONS * HTTP/1.1",
    `${method} ${target.slice(1)} HTTP/1.1`,
    `${method.toLowerCase()} ${target} HTTP/1.1`,
    `FOO ${target} HTTP/1.1`,
    `${method}${target} HTTP/1.1`,
    `${method}\t${target} HTTP/1.1`,
    `${method} ${target}\tHTTP/1.1`,
    `${method} ${target} x HTTP/1.1`,
    `${method} ${target} HTTP/1.1 x`,
    `${method} ${target} HTTP/1.2`,
    `${method} ${target} HTTP/2.0`,
    `${method} ${target} HTTP/11`,
    `${method} ${target} http/1.1`,
    `${method} ${target} HTTPS/1.1`,
    `${method} ${target}`,
    `${method} ${target}\x00 HTTP/1.1`,
    `${method} ${target}\r HTTP/1.1`,
    `${method} ${target}\x7f HTTP/1.1`,
    `${method} ${target}\xff HTTP/1.1`,
    `${method} ${target}#x HTTP/1.1`,
    `${method} ${target}\\..\\x HTTP/1.1`,
    `CONNECT ${host} HTTP/1.1`,
    `TRACE ${target} HTTP/1.1`,
    "",
  ].map((requestLine) => ({ name: `the request line ${shown(requestLine)}`, text: textOf({ ...outer, requestLine }) }));
}

function hosts(outer: SignedText): Smuggling[] {
  const [host = "", ...headers] = outer.headers;
  return [
    { name: "no Host", text: textOf({ ...outer, headers }) },
    { name: "two equal Hosts", text: textOf(outer, [host]) },
    { name: "two Hosts", text: textOf(outer, ["host: example.com"]) },
    { name: "another Host first", text: textOf({ ...outer, headers: ["Host: example.com", ...outer.headers] }) },
    { name: "an empty Host", text: textOf({ ...outer, headers: ["Host:", ...headers] }) },
    { name: "a Host that folds", text: textOf({ ...outer, headers: [`${host}\r\n example.com`, ...headers] }) },
    { name: "HTTP/1.0 without Host", text: textOf({ requestLine: outer.requestLine.replace("1.1", "1.0"), headers }) },
  ];
}

function sizes(outer: SignedText): Smuggling[] {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y`);
  const [method = "", target = ""] = outer.requestLine.split(" ");
  return [
    { name: "65 headers", text: textOf(outer, many(65 - outer.headers.length)) },
    { name: "500 headers", text: textOf(outer, many(500)) },
    { name: "a header of 17 KiB", text: textOf(outer, [`X: ${"y".repeat(17 * 1024)}`]) },
    {
      name: "headers of 17 KiB together",
      text: textOf(
        outer,
        Array.from({ length: 17 }, () => `X: ${"y".repeat(1024)}`),
      ),
    },
    { name: "a header name of 17 KiB", text: textOf(outer, [`${"X".repeat(17 * 1024)}: y`]) },
    { name: "a header block of 2 MiB", text: textOf(outer, [`X: ${"y".repeat(2 * 1024 ** 2)}`]) },
    {
      name: "a target of 8,193 bytes",
      text: textOf({ ...outer, requestLine: `${method} ${target.padEnd(8193, "x")} HTTP/1.1` }),
    },
    {
      name: "a target of 1 MiB",
      text: textOf({ ...outer, requestLine: `${method} ${target.padEnd(1024 ** 2, "x")} HTTP/1.1` }),
    },
    {
      name: "a method of 20 KiB",
      text: textOf({ ...outer, requestLine: `${"P".repeat(20 * 1024)} ${target} HTTP/1.1` }),
    },
  ];
}

function otherProtocols(outer: SignedText): Smuggling[] {
  return [
    { name: "the preface of HTTP/2", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
    { name: "the beginning of TLS", text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
    { name: "SSH", text: "SSH-2.0-OpenSSH_9.2\r\n" },
    { name: "SOCKS", text: "\x05\x01\x00" },
    { name: "a PROXY line before the request", text: `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${textOf(outer)}` },
    { name: "an answer", text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { name: "zeros", text: "\x00".repeat(1000) },
  ];
}
