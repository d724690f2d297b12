import { installedDependencies } from "./bundle.ts";

/** Where the repository's own package.json waits while npm packs. */
export const keptManifest = "package.json.kept";

/** The fields that are read from a package.json. */
export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A package.json as it is published: it leads to JavaScript, whatever conditions are set, and has no scripts. */
export function publishedManifest({ scripts: _, ...manifest }: Manifest): Manifest {
  const { exports, bin } = manifest;
  return {
    ...manifest,
    dependencies: installedDependencies(manifest),
    ...(exports !== undefined && { exports: mapped(exports, withoutSource) }),
    ...(bin !== undefined && { bin: mapped(bin, compiled) }),
  };
}

function withoutSource({ "@moraine/source": _, ...conditions }: Readonly<Record<string, string>>) {
  return conditions;
}

function compiled(source: string): string {
  return source.replace(/^src\/(.*)\.ts$/, "dist/$1.js");
}

function mapped<From, To>(values: Readonly<Record<string, From>>, to: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value)]));
}
