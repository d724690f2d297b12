import type { ArnPattern } from "./arn-patterns.ts";
import type { Condition } from "./conditions/conditions.ts";
import type { Pattern } from "./patterns.ts";
import type { PrincipalClause } from "./principals.ts";

export interface Policy {
  readonly statements: readonly Statement[];
  /** Lower-case: every key that a condition or a variable asks for. */
  readonly conditionKeys: ReadonlySet<string>;
}

export type Effect = "Allow" | "Deny";

export interface Statement {
  readonly sid: string | null;
  readonly effect: Effect;
  /** Null in identity policies, which speak of whoever they are attached to. */
  readonly principals: PrincipalClause | null;
  readonly actions: Clause<Pattern>;
  readonly resources: Clause<ArnPattern>;
  readonly conditions: readonly Condition[];
}

/** Action or NotAction, Resource or NotResource (`negated`). */
export interface Clause<Named> {
  readonly negated: boolean;
  readonly patterns: readonly Named[];
}
