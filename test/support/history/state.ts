import type { Content, Denial, Part, Tags } from "./calls.ts";

/** Seconds by which the manual clock was moved: more than `low`, less than `high`, since calls overlap. */
export interface TimeSpan {
  readonly low: number;
  readonly high: number;
}

export type Lock = Denial & {
  readonly name: string;
  readonly state: "in_progress" | "locked";
  readonly since: TimeSpan;
};

export interface Values {
  readonly vault: { readonly exists: true };
  readonly rules: {
    readonly lock: Lock | null;
    readonly policy: (Denial & { readonly name: string }) | null;
  };
  readonly tags: Tags;
  readonly topic: { readonly name: string };
  readonly archive: Content & {
    readonly state: "live" | "deleted";
    /** Null until a response has named it. */
    readonly id: string | null;
    readonly deletedAt: TimeSpan | null;
  };
  readonly upload: {
    readonly state: "open" | "completed" | "aborted" | "expired";
    readonly partSizeBytes: number;
    /** In the order of their first bytes. */
    readonly parts: readonly Part[];
    /** When it was last active, or ended. */
    readonly since: TimeSpan;
  };
  readonly key: { readonly isDeleted: boolean };
  readonly job: Content & {
    readonly state: "in_progress" | "succeeded" | "failed" | "expired";
    readonly startedAt: TimeSpan;
    /** When it was first seen to have ended. */
    readonly endedBy: TimeSpan | null;
  };
}

export type Kind = keyof Values;

/** `vault`, `rules`, `tags` or `topic` of a vault; `archive`, `upload`, `job` or `key` by vault and name. */
export type Key = `${Kind}:${string}`;

export const keyOf = (kind: Kind, vault: string, name?: string): Key =>
  name === undefined ? `${kind}:${vault}` : `${kind}:${vault}/${name}`;

interface Stored {
  readonly value: Values[Kind];
  readonly text: string;
  readonly hash: number;
}

/** All that a service knows, as a value: a change makes another one. A key without a value was never made, or is forgotten. */
export class State {
  static readonly empty = new State(new Map(), 0);
  readonly #values: ReadonlyMap<Key, Stored>;
  /** Equal states have equal hashes. */
  readonly hash: number;

  private constructor(values: ReadonlyMap<Key, Stored>, hash: number) {
    this.#values = values;
    this.hash = hash;
  }

  get<K extends Kind>(kind: K, vault: string, name?: string): Values[K] | undefined {
    return this.#values.get(keyOf(kind, vault, name))?.value as Values[K] | undefined;
  }

  /** Undefined takes the value away. */
  with<K extends Kind>(kind: K, at: { vault: string; name?: string }, value: Values[K] | undefined): State {
    const key = keyOf(kind, at.vault, at.name);
    return this.#with(key, value);
  }

  withoutVault(vault: string): State {
    const own = [...this.#values.keys()].filter((key) => isOfVault(key, vault));
    return own.reduce((state: State, key) => state.#with(key, undefined), this);
  }

  archivesOf(vault: string): Values["archive"][] {
    const start = `${keyOf("archive", vault)}/`;
    return [...this.#values]
      .filter(([key]) => key.startsWith(start))
      .map(([, { value }]) => value as Values["archive"]);
  }

  equals(other: State): boolean {
    return (
      this === other ||
      (this.hash === other.hash &&
        this.#values.size === other.#values.size &&
        [...this.#values].every(([key, { text }]) => other.#values.get(key)?.text === text))
    );
  }

  #with(key: Key, value: Values[Kind] | undefined): State {
    const before = this.#values.get(key);
    const text = value === undefined ? undefined : JSON.stringify(value);
    if (before?.text === text) {
      return this;
    }
    const values = new Map(this.#values);
    let hash = this.hash ^ (before?.hash ?? 0);
    if (value === undefined || text === undefined) {
      values.delete(key);
    } else {
      const added = hashOf(`${key} ${text}`);
      values.set(key, { value, text, hash: added });
      hash ^= added;
    }
    return new State(values, hash);
  }
}

export const isOfVault = (key: Key, vault: string): boolean => {
  const name = key.slice(key.indexOf(":") + 1);
  return name === vault || name.startsWith(`${vault}/`);
};

/** FNV-1a. States that share a hash are compared in full. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}
