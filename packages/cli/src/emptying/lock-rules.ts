/** The rules of a vault's lock about deleting archives, as far as they can be known before the service is asked. */
export interface LockRules {
  /** The names of statements that forbid every deletion. */
  readonly forbidding: readonly string[];
  /** The age in whole days from which the lock allows a deletion; 0 without such a rule. */
  readonly minimumAgeDays: number;
  /** The names of statements that may forbid deletions, for example by the vault's tags: the service decides. */
  readonly undecided: readonly string[];
}

export const noLockRules: LockRules = { forbidding: [], minimumAgeDays: 0, undecided: [] };

/** Reads the rules from a lock's policy. A policy that cannot be read may forbid anything, so it is undecided. */
export function lockRulesOf(policy: string, vaultArn: string): LockRules {
  const statements = statementsOf(policy);
  if (statements === null) {
    return { ...noLockRules, undecided: ["the policy, which cannot be read"] };
  }
  const judged = statements.map((statement, index) => ({
    name: nameOf(statement, index),
    rule: ruleOf(statement, vaultArn),
  }));
  const named = (rule: Rule) => judged.filter((one) => one.rule === rule).map(({ name }) => name);
  return {
    forbidding: named("forbids"),
    minimumAgeDays: Math.max(0, ...judged.map(({ rule }) => (typeof rule === "number" ? rule : 0))),
    undecided: named("undecided"),
  };
}

/** Returns the time from which the rules allow the deletion of an archive; null for never. */
export function deletableFrom({ forbidding, minimumAgeDays }: LockRules, createdAt: Date): Date | null {
  return forbidding.length > 0 ? null : new Date(createdAt.getTime() + minimumAgeDays * dayMilliseconds);
}

/** Whether the rules allow the deletion now. Without a rule they do, whatever this machine's clock and the service's say. */
export function isDeletable(rules: LockRules, createdAt: Date, now: Date): boolean {
  const from = deletableFrom(rules, createdAt);
  return from !== null && (rules.minimumAgeDays === 0 || from <= now);
}

const dayMilliseconds = 24 * 3600 * 1000;
const action = "glacier:deletearchive";
const archiveAge = "glacier:archiveageindays";

type Statement = Readonly<Record<string, unknown>>;
/** The number of days is the age from which the statement allows a deletion. */
type Rule = "forbids" | "undecided" | "irrelevant" | number;

function statementsOf(policy: string): readonly Statement[] | null {
  try {
    const found = (JSON.parse(policy) as { readonly Statement?: unknown } | null)?.Statement;
    const statements: unknown[] = Array.isArray(found) ? found : [found];
    return statements.every(isObject) ? statements : null;
  } catch {
    return null;
  }
}

function nameOf({ Sid }: Statement, index: number): string {
  return typeof Sid === "string" && Sid !== "" ? Sid : `statement ${index + 1}`;
}

function ruleOf(statement: Statement, vaultArn: string): Rule {
  const { Effect, Action, Resource, Principal, Condition = {} } = statement;
  const isOther =
    Effect === "Allow" ||
    (Action !== undefined && !matchesAny(Action, action)) ||
    (Resource !== undefined && !matchesAny(Resource, vaultArn));
  if (isOther) {
    return "irrelevant";
  }
  const isPlain = Effect === "Deny" && Action !== undefined && Resource !== undefined && isEverybody(Principal);
  return isPlain && isObject(Condition) ? ruleOfCondition(Condition) : "undecided";
}

/** A deny without a condition holds always. One whose only condition is the archive's age ends at an age. */
function ruleOfCondition(condition: Statement): Rule {
  const tests = Object.entries(condition).flatMap(([operator, keys]) =>
    isObject(keys) ? Object.entries(keys).map(([key, values]) => ({ operator, key, values })) : [null],
  );
  if (tests.length === 0) {
    return "forbids";
  }
  const [only] = tests;
  if (only === null || only === undefined || tests.length > 1 || only.key.toLowerCase() !== archiveAge) {
    return "undecided";
  }
  const limits = listOf(only.values).map(Number);
  // The largest of several values counts: the statement denies while the age is below any of them.
  const limit = Math.max(...limits);
  if (limits.length === 0 || !Number.isFinite(limit)) {
    return "undecided";
  }
  switch (only.operator.toLowerCase().replace(/ifexists$/, "")) {
    case "numericlessthan":
      return Math.max(0, Math.ceil(limit));
    case "numericlessthanequals":
      return Math.max(0, Math.floor(limit) + 1);
    default:
      return "undecided";
  }
}

function isEverybody(principal: unknown): boolean {
  const account = isObject(principal) ? principal["AWS"] : principal;
  return listOf(account).includes("*");
}

function matchesAny(patterns: unknown, value: string): boolean {
  return listOf(patterns).some((pattern) => matches(String(pattern).toLowerCase(), value.toLowerCase()));
}

/** Matches with * and ?, without the backtracking of a regular expression: a hostile policy could make that take for ever. */
function matches(pattern: string, value: string): boolean {
  let [at, index, star, from] = [0, 0, -1, 0];
  while (index < value.length) {
    if (pattern[at] === "*") {
      star = at;
      from = index;
      at += 1;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === value[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      from += 1;
      at = star + 1;
      index = from;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

const isObject = (value: unknown): value is Statement =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
