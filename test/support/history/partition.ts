import type { Action } from "./model.ts";
import type { Operation } from "./operations.ts";
import { isOfVault, type Key, keyOf, State } from "./state.ts";

/** Operations that share no changing key with any others, in the order of their begins. */
export interface Component {
  readonly operations: readonly Operation[];
  readonly initial: State;
}

/**
 * Splits a history where nothing connects it: it is legal when each component is, and a search of many small components is
 * fast. A key that nothing changes while it is read connects nothing.
 */
export function componentsOf(operations: readonly Operation[]): Component[] {
  const deniedByTag = vaultsDeniedByTag(operations);
  const touched = operations.map(({ action }) => touchedBy(action, deniedByTag.has(action.vault)));
  const written = new Set(touched.flatMap(({ writes }) => writes));
  const settled = settledVaults(operations);
  const keysOf = touched.map(({ writes, reads }, index) => {
    const isAlone = isOfVaultAlone(operations[index]?.action);
    return [...writes, ...reads.filter((key) => written.has(key) && (isAlone || !settled.has(key)))];
  });
  const groups = new Groups(keysOf.flat());
  for (const [index, operation] of operations.entries()) {
    const keys = keysOf[index] ?? [];
    groups.join(operation.action.op === "DeleteVault" ? groups.keysOfVault(operation.action.vault) : keys);
  }
  const components = new Map<string, Operation[]>();
  for (const [index, operation] of operations.entries()) {
    const key = keysOf[index]?.[0];
    const name = key === undefined ? `alone ${index}` : groups.find(key);
    const component = components.get(name) ?? [];
    component.push(operation);
    components.set(name, component);
  }
  return [...components.values()].map((list) => ({ operations: list, initial: initialOf(list, settled) }));
}

interface Touched {
  readonly writes: readonly Key[];
  readonly reads: readonly Key[];
}

/** Vaults in which a policy may deny deletions while the vault has a tag. */
const vaultsDeniedByTag = (operations: readonly Operation[]): ReadonlySet<string> =>
  new Set(
    operations.flatMap(({ action }) => ("whileTag" in action && action.whileTag !== undefined ? [action.vault] : [])),
  );

function touchedBy(action: Action, isDeniedByTag: boolean): Touched {
  const { vault } = action;
  const own = keyOf("vault", vault);
  const [rules, tags, topic] = [keyOf("rules", vault), keyOf("tags", vault), keyOf("topic", vault)];
  const item = "archive" in action ? action.archive : "";
  switch (action.op) {
    case "CreateVault":
      return { writes: [own], reads: [] };
    case "DeleteVault":
      return { writes: [own, rules, tags, topic], reads: [] };
    case "DescribeVault":
    case "FindVault":
      return { writes: [], reads: [own] };
    case "DeleteArchive":
      return { writes: [keyOf("archive", vault, item)], reads: [own, rules, ...(isDeniedByTag ? [tags] : [])] };
    case "UploadArchive":
    case "FindArchive":
    case "ReadArchive":
      return { writes: [keyOf("archive", vault, item)], reads: [own] };
    case "CompleteMultipartUpload":
      return { writes: [keyOf("upload", vault, item), keyOf("archive", vault, item)], reads: [own] };
    case "InitiateMultipartUpload":
    case "UploadMultipartPart":
    case "AbortMultipartUpload":
    case "ListParts":
    case "FindUpload":
      return { writes: [keyOf("upload", vault, item)], reads: [own] };
    case "InitiateJob":
      return { writes: [keyOf("job", vault, action.job)], reads: [own, keyOf("archive", vault, item)] };
    case "DescribeJob":
    case "GetJobOutput":
      return { writes: [keyOf("job", vault, action.job)], reads: [own] };
    case "CreateAccessKey":
    case "DeleteAccessKey":
    case "UseAccessKey":
      return { writes: [keyOf("key", vault, action.key)], reads: [own] };
    case "ListTagsForVault":
      return { writes: [], reads: [own, tags] };
    case "AddTagsToVault":
    case "RemoveTagsFromVault":
      return { writes: [tags], reads: [own] };
    case "GetVaultNotifications":
      return { writes: [], reads: [own, topic] };
    case "SetVaultNotifications":
      return { writes: [topic], reads: [own] };
    case "GetVaultAccessPolicy":
    case "GetVaultLock":
      return { writes: [], reads: [own, rules] };
    default:
      return { writes: [rules], reads: [own] };
  }
}

/** Vaults that were made before they were used, and that nothing deletes. */
function settledVaults(operations: readonly Operation[]): ReadonlySet<Key> {
  const firstUse = new Map<string, number>();
  const made = new Map<string, number>();
  const deleted = new Set<string>();
  for (const { action, outcome, begin, end } of operations) {
    if (action.op === "CreateVault" && outcome.kind === "ok") {
      made.set(action.vault, Math.min(made.get(action.vault) ?? end, end));
    } else if (action.op === "DeleteVault") {
      deleted.add(action.vault);
    } else if (!isOfVaultAlone(action)) {
      firstUse.set(action.vault, Math.min(firstUse.get(action.vault) ?? begin, begin));
    }
  }
  const settled = [...made].filter(
    ([vault, end]) => !deleted.has(vault) && end < (firstUse.get(vault) ?? Number.POSITIVE_INFINITY),
  );
  return new Set(settled.map(([vault]) => keyOf("vault", vault)));
}

const isOfVaultAlone = (action: Action | undefined): boolean =>
  action?.op === "CreateVault" || action?.op === "DescribeVault" || action?.op === "FindVault";

function initialOf(operations: readonly Operation[], settled: ReadonlySet<Key>): State {
  const vaults = new Set(operations.filter(({ action }) => !isOfVaultAlone(action)).map(({ action }) => action.vault));
  return [...vaults]
    .filter((vault) => settled.has(keyOf("vault", vault)))
    .reduce((state, vault) => state.with("vault", { vault }, { exists: true }), State.empty);
}

/** Disjoint sets of keys. */
class Groups {
  readonly #parents = new Map<Key, Key>();

  constructor(keys: readonly Key[]) {
    for (const key of keys) {
      this.#parents.set(key, key);
    }
  }

  keysOfVault(vault: string): Key[] {
    return [...this.#parents.keys()].filter((key) => isOfVault(key, vault));
  }

  find(key: Key): Key {
    let root = key;
    for (let parent = this.#parents.get(root); parent !== undefined && parent !== root; ) {
      root = parent;
      parent = this.#parents.get(root);
    }
    this.#parents.set(key, root);
    return root;
  }

  join([first, ...others]: readonly Key[]): void {
    for (const key of others) {
      this.#parents.set(this.find(key), first === undefined ? key : this.find(first));
    }
  }
}
