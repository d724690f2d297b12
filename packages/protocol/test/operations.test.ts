import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-glacier";
import { type Operation, type OperationName, operations } from "@moraine/protocol";

// The schemas that AWS's own client is generated with say how every field travels; ours must agree with them.

const names = Object.keys(operations) as OperationName[];

test("the table has the 33 operations of AWS's client and no other", () => {
  const theirs = Object.values(sdk as Record<string, unknown>)
    .filter((value) => Array.isArray(value) && value[0] === kindOfSchema.operation)
    .map((value) => (value as OperationSchema)[2]);
  assert.equal(names.length, 33);
  assert.deepEqual(new Set(names), new Set(theirs));
});

for (const name of names) {
  const ours = operations[name];
  const [, , , traits, input, output] = schema(name);

  test(`${name} has AWS's method, path and status`, () => {
    const selector = ours.selector === undefined ? "" : `?${new URLSearchParams(ours.selector)}`;
    assert.deepEqual([ours.method, ours.path + selector, ours.status], traits.http);
  });

  test(`${name} takes its fields from where AWS's client puts them`, () => {
    assert.deepEqual(ours.headers ?? {}, bindings(input(), "httpHeader"));
    assert.deepEqual(ours.query ?? {}, bindings(input(), "httpQuery"));
    assert.deepEqual(new Set(pathMembers(ours.path)), new Set(labels(input())));
    assert.equal(ours.request, bodyKind(input()));
    assert.equal(ours.requestPayload, jsonPayload(input()));
  });

  test(`${name} answers where AWS's client looks`, () => {
    assert.deepEqual(ours.responseHeaders ?? {}, bindings(output(), "httpHeader"));
    assert.equal(ours.response, bodyKind(output()));
    assert.equal(ours.responsePayload, jsonPayload(output()));
  });
}

test("only twelve operations insist on the caller's own account", () => {
  const own: OperationName[] = [
    "AbortVaultLock",
    "AddTagsToVault",
    "CompleteVaultLock",
    "CreateVault",
    "GetDataRetrievalPolicy",
    "InitiateVaultLock",
    "ListProvisionedCapacity",
    "ListTagsForVault",
    "ListVaults",
    "PurchaseProvisionedCapacity",
    "RemoveTagsFromVault",
    "SetDataRetrievalPolicy",
  ];
  assert.deepEqual(new Set(names.filter((name) => operations[name].account === "own")), new Set(own));
});

test("identity policies alone decide on nine operations", () => {
  assert.deepEqual(
    namesWhere(({ policies }) => policies === "identity"),
    new Set([
      "AbortVaultLock",
      "CompleteVaultLock",
      "CreateVault",
      "GetDataRetrievalPolicy",
      "InitiateVaultLock",
      "ListProvisionedCapacity",
      "ListVaults",
      "PurchaseProvisionedCapacity",
      "SetDataRetrievalPolicy",
    ]),
  );
});

test("policies name every operation on a vault by the vault, and the others by the retrieval policy or by nothing", () => {
  assert.deepEqual(
    namesWhere(({ resource }) => resource === "any"),
    new Set(["ListProvisionedCapacity", "ListVaults", "PurchaseProvisionedCapacity"]),
  );
  assert.deepEqual(
    namesWhere(({ resource }) => resource === "retrieval-policy"),
    new Set(["GetDataRetrievalPolicy", "SetDataRetrievalPolicy"]),
  );
  assert.deepEqual(
    namesWhere(({ resource }) => resource === "vault"),
    namesWhere(({ vault }) => vault !== "none"),
  );
});

test("only CreateVault and DeleteVault name a vault that need not exist", () => {
  assert.deepEqual(
    namesWhere(({ vault }) => vault === "named"),
    new Set(["CreateVault", "DeleteVault"]),
  );
  assert.deepEqual(
    namesWhere(({ vault }) => vault === "none"),
    namesWhere(({ path }) => !path.includes("{vaultName}")),
  );
});

test("retrieval jobs and provisioned capacity are charged", () => {
  assert.deepEqual(
    namesWhere(({ isCharged }) => isCharged === true),
    new Set(["InitiateJob", "PurchaseProvisionedCapacity"]),
  );
});

test("method, path and selector tell all operations apart", () => {
  const keys = names.map((name) => {
    const { method, path, selector } = operations[name];
    return `${method} ${path.replaceAll(/\{\w+\}/g, "*")} ${JSON.stringify(selector)}`;
  });
  assert.equal(new Set(keys).size, 33);
});

test("no success without content has a body", () => {
  for (const name of names) {
    assert.equal(operations[name].response === "none", operations[name].status !== 200, name);
  }
});

const namesWhere = (holds: (row: Operation) => boolean): ReadonlySet<OperationName> =>
  new Set(names.filter((name) => holds(operations[name])));

const kindOfSchema = { blob: 42, structure: 3, operation: 9 } as const;
/** Bits of a field's traits, where they are given as a number. */
const traitBit = { label: 1, payload: 16, responseCode: 32 } as const;

type Structure = [kind: 3, namespace: string, name: string, traits: unknown, members: string[], types: unknown[]];
type OperationSchema = [
  kind: 9,
  namespace: string,
  name: OperationName,
  traits: { http: [method: string, path: string, status: number] },
  input: () => Structure | "unit",
  output: () => Structure | "unit",
];

function schema(name: OperationName): OperationSchema {
  return (sdk as Record<string, unknown>)[`${name}$`] as OperationSchema;
}

function members(structure: Structure | "unit"): { name: string; type: unknown; traits: unknown }[] {
  if (structure === "unit") return [];
  assert.equal(structure[0], kindOfSchema.structure);
  return structure[4].map((name, index) => {
    const type = structure[5][index];
    return Array.isArray(type) ? { name, type: type[0], traits: type[1] } : { name, type, traits: 0 };
  });
}

function bindings(structure: Structure | "unit", trait: "httpHeader" | "httpQuery"): Record<string, string> {
  const bound: Record<string, string> = {};
  for (const { name, traits } of members(structure)) {
    if (typeof traits === "object" && traits !== null && trait in traits) {
      bound[name] = (traits as Record<typeof trait, string>)[trait];
    }
  }
  return bound;
}

function labels(structure: Structure | "unit"): string[] {
  return members(structure)
    .filter(({ traits }) => traits === traitBit.label)
    .map(({ name }) => name);
}

function pathMembers(path: string): string[] {
  return path.match(/(?<=\{)\w+(?=\})/g) ?? [];
}

/** The field that is the whole body, where the body is JSON. */
function jsonPayload(structure: Structure | "unit"): string | undefined {
  const payload = members(structure).find(({ traits }) => traits === traitBit.payload);
  return bodyKind(structure) === "json" ? payload?.name : undefined;
}

function bodyKind(structure: Structure | "unit"): "none" | "json" | "bytes" {
  const body = members(structure).filter(({ traits }) => traits === 0 || traits === traitBit.payload);
  if (body.length === 0) return "none";
  return body.some(({ type }) => typeof type === "function" && type()[4] === kindOfSchema.blob) ? "bytes" : "json";
}
