/** Returns the object that a description is, or null when it is none, or is no JSON. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  if (!text.startsWith("{")) {
    return null;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}

/** Returns the string of the first of these fields that has one, whatever the case of its name. Undefined when none has. */
export function stringField(value: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | undefined {
  const fields = new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
  return names.map((name) => fields.get(name)).find((field) => typeof field === "string");
}
