/** Checks that each package is known, unchanged and free to use, and runs nothing when it is installed. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly link?: true;
  readonly hasInstallScript?: true;
}

/** Permissive ones; another needs a look at what it asks for. */
const licences = new Set(["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-3-Clause", "ISC", "MIT", "MIT OR Apache-2.0"]);

/** Says what is wrong, one line for each fault; empty when nothing is. */
export function lockFileFaults({ packages }: LockFile): string[] {
  return Object.entries(packages).flatMap(([path, locked]) =>
    // Our own workspaces come with the repository.
    path === "" || path.startsWith("packages/") ? [] : faultsOf(locked).map((fault) => `${path}: ${fault}`),
  );
}

function faultsOf({ version, integrity = "", resolved, license, link, hasInstallScript }: LockedPackage): string[] {
  if (link) {
    return resolved?.startsWith("packages/") ? [] : [`it is a link to ${resolved}, outside of the workspaces`];
  }
  return [
    ...(version === undefined ? ["it has no version"] : []),
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) ? [] : [`its integrity is no SHA-512: ${integrity}`]),
    // npm takes an integrity from the registry that it is given; without this it asks the one that the user has set.
    ...(resolved === undefined ? [] : [`it is taken from ${resolved}`]),
    ...(licences.has(license ?? "") ? [] : [`its licence is not on the list: ${license}`]),
    ...(hasInstallScript ? ["it runs a script when it is installed"] : []),
  ];
}
