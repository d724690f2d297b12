/** Error thrown when a backup cannot be restored; its message is one line that an operator can act on. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
}
