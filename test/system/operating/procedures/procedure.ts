import type { Machine } from "../machine.ts";
import type { Vault } from "../vault.ts";

interface Setting {
  readonly machine: Machine;
  readonly vault: Vault;
}

/** How a block of the page is tried. */
export interface Procedure {
  readonly block: string;
  /** Makes the situation in which an operator would need it. */
  given?(setting: Setting): Promise<void>;
  /** Exit code of its last command. @default 0 */
  readonly code?: number;
  /** Asserts what it was for. */
  shows(result: Setting & { readonly output: string }): Promise<void>;
}
