import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as library from "@moraine/client/node";
import ts from "typescript";
import { repositoryRoot } from "./support/server-process.ts";

// The types that users of the library see in their editors, read as the compiler reads them.

const entries = ["packages/client/src/index.ts", "packages/client/src/node.ts"].map((file) =>
  join(repositoryRoot, file),
);
const program = ts.createProgram(entries, compilerOptions());
const checker = program.getTypeChecker();
const exported = entries.flatMap((file) => exportsOf(program, file));

test("each optional property also takes undefined, under exactOptionalPropertyTypes", () => {
  const lacking = program
    .getSourceFiles()
    .filter(({ fileName }) => /\/packages\/(client|protocol)\/src\//.test(fileName))
    .flatMap((file) => publicInterfaces(file).flatMap(closedProperties));
  assert.deepEqual(lacking, []);
});

test("each error that a transfer throws has the same base class", () => {
  const classes = Object.entries(library).filter(([name]) => /Error$/.test(name));
  const ofCalls = /^(GlacierServiceError|GlacierConnectionError|UnexpectedResponseError|DamagedDataError)$/;
  const ofTransfers = classes.filter(([name]) => !ofCalls.test(name));
  assert.ok(ofTransfers.length > 10);
  for (const [name, value] of ofTransfers) {
    const base = value as unknown as { prototype: unknown };
    assert.ok(name === "TransferError" || base.prototype instanceof library.TransferError, name);
  }
});

test("each event and warning that the types name is sent", () => {
  const transfers = program
    .getSourceFiles()
    .filter(({ fileName }) => /client\/src\/transfers\/(?!events\.ts)/.test(fileName));
  const text = transfers.map((file) => file.text).join("\n");
  const named = ["WarningEvent.code", "JobEvent.state"].flatMap((place) =>
    literalsOf(...(place.split(".") as [string, string])),
  );
  assert.ok(named.length > 5);
  assert.deepEqual(
    named.filter((literal) => !text.includes(`"${literal}"`)),
    [],
  );
});

test("each method, and each property of its input, is documented where an editor shows it", () => {
  const client = declaredType("GlacierClient");
  const methods = checker.getPropertiesOfType(client);
  assert.equal(methods.length, 33);
  const undocumented = methods.flatMap((method) => {
    const signature = checker.getSignaturesOfType(checker.getTypeOfSymbol(method), ts.SignatureKind.Call)[0];
    assert.ok(signature, method.name);
    const [input] = signature.parameters;
    const properties =
      input === undefined
        ? []
        : checker.getPropertiesOfType(checker.getNonNullableType(checker.getTypeOfSymbol(input)));
    assert.ok(properties.length > 0, method.name);
    return [
      ...(isDocumented(method) && signature.getDocumentationComment(checker).length > 0 ? [] : [method.name]),
      ...properties.flatMap((property) => (isDocumented(property) ? [] : [`${method.name}: ${property.name}`])),
    ];
  });
  assert.deepEqual(undocumented, []);
});

test("values that the service knows are unions, not any text", () => {
  for (const [typeName, property, values] of [
    ["JobParameters", "Type", ["archive-retrieval", "inventory-retrieval"]],
    ["JobParameters", "Tier", ["Bulk", "Expedited", "Standard"]],
    ["JobParameters", "Format", ["CSV", "JSON"]],
    ["DataRetrievalRuleInput", "Strategy", ["BytesPerHour", "FreeTier", "None"]],
  ] as const) {
    assert.deepEqual(new Set(literalsOf(typeName, property)), new Set<string>(values));
  }
});

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(repositoryRoot, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, repositoryRoot);
  return {
    ...options,
    composite: false,
    noEmit: true,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
  };
}

function exportsOf(compiled: ts.Program, file: string): ts.Symbol[] {
  const source = compiled.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  return symbol === undefined ? [] : checker.getExportsOfModule(symbol);
}

/** Without the rows of the protocol's tables, which no caller writes. */
function publicInterfaces(file: ts.SourceFile): ts.InterfaceDeclaration[] {
  const isPublic = ({ modifiers }: ts.InterfaceDeclaration) =>
    modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
  return file.statements
    .filter((statement) => ts.isInterfaceDeclaration(statement))
    .filter((statement) => isPublic(statement) && !/^(Admin)?Operation$/.test(statement.name.text));
}

/** Properties that may be left out and yet refuse undefined, those of literal types inside included. */
function closedProperties(node: ts.InterfaceDeclaration): string[] {
  const found: string[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isPropertySignature(child) && child.questionToken !== undefined && !takesUndefined(child.type)) {
      found.push(`${node.name.text}.${child.name.getText()}`);
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

function takesUndefined(type: ts.TypeNode | undefined): boolean {
  return (
    type?.kind === ts.SyntaxKind.UndefinedKeyword ||
    (type !== undefined && ts.isUnionTypeNode(type) && type.types.some((member) => takesUndefined(member)))
  );
}

/** The string literals of a property of an exported interface. */
function literalsOf(typeName: string, property: string): string[] {
  const member = checker.getPropertyOfType(declaredType(typeName), property);
  assert.ok(member, `${typeName}.${property}`);
  const values = checker.getTypeOfSymbol(member);
  return (values.isUnion() ? values.types : [values]).flatMap((value) =>
    value.isStringLiteral() ? [value.value] : [],
  );
}

function declaredType(name: string): ts.Type {
  const symbol = exported.find((one) => one.name === name);
  assert.ok(symbol, name);
  return checker.getDeclaredTypeOfSymbol(
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
}

function isDocumented(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(checker).length > 0;
}
