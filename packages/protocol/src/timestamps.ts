/** `2012-03-20T17:03:43.221Z`: dates in JSON bodies. */
export function formatMilliseconds(date: Date): string {
  return date.toISOString();
}

/** `2012-03-20T17:03:43Z`: dates in inventories, with the fraction cut off. */
export function formatSeconds(date: Date): string {
  return date.toISOString().replace(/\.[0-9]+Z$/, "Z");
}
