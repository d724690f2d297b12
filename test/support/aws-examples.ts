import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import * as sdk from "@aws-sdk/client-glacier";
import { type OperationName, operations } from "@moraine/protocol";

// Facts about each operation from AWS's SDK: the example in its documentation, input and response, and the schema by which it reads
// responses. That schema alone, not our own table, gives a response its form on the wire.

export type Members = Readonly<Record<string, unknown>>;

export interface Example {
  readonly input: Members;
  readonly output: Members;
}

/** A response as a service sends it. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function exampleOf(name: OperationName): Example {
  const package_ = new URL("../", import.meta.resolve("@aws-sdk/client-glacier"));
  const declaration = readFileSync(new URL(`dist-types/commands/${name}Command.d.ts`, package_), "utf8");
  const comment = declaration.replaceAll(/^ \* ?/gm, "");
  const [, input, output] =
    /@example \w.*?^const input = (.*?);$.*?^\/\* response is$(.*?)^\*\\\/$/ms.exec(comment) ?? [];
  if (input === undefined || output === undefined) {
    throw new Error(`AWS's SDK has no example of ${name}`);
  }
  return { input: literal(input), output: literal(output.replace("/* metadata only *\\/", "")) };
}

/** Texts, numbers, lists and records, as JavaScript writes them; two markers say `"null"`, and mean null. */
function literal(text: string): Members {
  const json: string = runInNewContext(`JSON.stringify(${text})`);
  return JSON.parse(json, (_key, value) => (value === "null" ? null : value));
}

/** How an output travels. */
export function wireAnswer(name: OperationName, output: Members): WireAnswer {
  const [, , , { http }, , schema] = schemaOf(name);
  const members = membersOf(schema());
  const named = (wanted: (traits: Traits) => boolean) =>
    members
      .filter(({ traits }) => wanted(traits))
      .map(({ name: member, traits }) => ({ traits, value: output[member] }));
  const headers = named((traits) => typeof traits === "object").filter(({ value }) => value !== undefined);
  const payload = named((traits) => traits === traitBit.payload)[0]?.value;
  const status = named((traits) => traits === traitBit.responseCode)[0]?.value;
  const json = members.filter(({ traits }) => traits === 0).map(({ name: member }) => [member, output[member]]);
  return {
    status: Number(status ?? http[2]),
    headers: Object.fromEntries(headers.map(({ traits, value }) => [Object(traits).httpHeader, String(value)])),
    body: typeof payload === "string" ? payload : textOf(payload ?? Object.fromEntries(json)),
  };
}

function textOf(json: object): string {
  return Object.keys(json).length === 0 ? "" : JSON.stringify(json);
}

/** Which operation a request is of, by the SDK's schemas. */
export function operationOf(method: string, url: string): OperationName {
  const [path = "", query = ""] = url.split("?");
  const found = (Object.keys(operations) as OperationName[]).find((name) => {
    const [theirMethod, theirUrl] = schemaOf(name)[3].http;
    const [theirPath = "", selector = ""] = theirUrl.split("?");
    const pattern = new RegExp(`^${theirPath.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    return method === theirMethod && pattern.test(path) && query.includes(selector);
  });
  if (found === undefined) {
    throw new Error(`No operation is called by ${method} ${url}`);
  }
  return found;
}

function schemaOf(name: OperationName): OperationSchema {
  return (sdk as Members)[`${name}$`] as OperationSchema;
}

type Traits = number | { readonly httpHeader: string };
type Structure = [kind: 3, namespace: string, name: string, traits: unknown, members: string[], types: unknown[]];
type OperationSchema = [
  kind: 9,
  namespace: string,
  name: string,
  traits: { readonly http: [method: string, path: string, status: number] },
  input: unknown,
  output: () => Structure | "unit",
];

/** Bits of a field's traits, where they are given as a number. */
const traitBit = { payload: 16, responseCode: 32 } as const;

function membersOf(structure: Structure | "unit"): { name: string; traits: Traits }[] {
  const [, , , , names, types] = structure === "unit" ? [3, "", "", 0, [], []] : structure;
  return names.map((name, index) => {
    const type = types[index];
    return { name, traits: Array.isArray(type) ? (type[1] as Traits) : 0 };
  });
}
