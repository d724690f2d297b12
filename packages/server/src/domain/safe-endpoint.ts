import { isLoopback } from "./loopback.ts";

/** Messages to an endpoint are signed, but not hidden: beyond this machine it must be encrypted. */
export function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  const isPlain = url?.protocol === "http:" && isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
  return url !== null && (isPlain || url.protocol === "https:") && url.username === "" && url.password === "";
}
