/** The fields of an object, by their names in lower case: programs differ in it. */
export type Fields = ReadonlyMap<string, unknown>;

/** Returns the fields of the object that a description is, or null when it is none, or is no JSON. */
export function parseJsonObject(text: string): Fields | null {
  if (!text.startsWith("{")) {
    return null;
  }
  try {
    const value: object = JSON.parse(text);
    return new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
  } catch {
    return null;
  }
}

/** Returns the string of the first of these fields that has one. */
export function stringField(fields: Fields, ...names: readonly string[]): string | undefined {
  return names.map((name) => fields.get(name)).find((field) => typeof field === "string");
}

/** Returns the number of bytes in the field, or null. */
export function sizeField(fields: Fields, name: string): number | null {
  const size = fields.get(name);
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null;
}
