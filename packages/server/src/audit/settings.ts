import { isSafeEndpoint } from "../domain/safe-endpoint.ts";

export interface AuditSettings {
  /** How long entries are kept. */
  readonly keptDays: number;
  /** A file that gets each entry as a line, or `stdout`; null for none. */
  readonly logPath: string | null;
  /** A file or a URL that gets signed heads of the trail; null for none. */
  readonly anchorTarget: string | null;
  readonly anchorMinutes: number;
}

export const isUrl = (target: string): boolean => /^https?:/.test(target);

export const isAnchorTarget = (target: string): boolean => target !== "" && (!isUrl(target) || isSafeEndpoint(target));

export function auditSettings(
  {
    auditDays,
    auditLog,
    auditAnchor,
    anchorMinutes,
  }: {
    readonly auditDays: number;
    readonly auditLog?: string | undefined;
    readonly auditAnchor?: string | undefined;
    readonly anchorMinutes: number;
  },
  pathOf: (path: string) => string,
): AuditSettings {
  const target = (given: string | undefined, isKept: (given: string) => boolean) =>
    given === undefined || isKept(given) ? (given ?? null) : pathOf(given);
  return {
    keptDays: auditDays,
    logPath: target(auditLog, (given) => given === "stdout"),
    anchorTarget: target(auditAnchor, isUrl),
    anchorMinutes,
  };
}
