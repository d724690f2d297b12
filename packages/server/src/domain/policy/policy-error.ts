/** Why a policy is refused, in words for who wrote it. Met when a stored policy is read, it denies (durability S15). */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}
