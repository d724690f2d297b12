/** A bucket cannot be used; the message is one line that an operator can act on. */
export class BucketError extends Error {
  override readonly name = "BucketError";
}
