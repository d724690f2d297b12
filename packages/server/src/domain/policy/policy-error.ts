/** The reason why a policy is refused, for its author. A stored policy that causes it denies: docs/wire.md#policies */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}
