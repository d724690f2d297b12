/**
 * Awaits a request that must not be repeated. When its response was lost, the error says how to find out whether it took effect.
 *
 * @param findOut the command that shows it.
 */
export async function sentOnce<Result>(request: Promise<Result>, findOut: string): Promise<Result> {
  try {
    return await request;
  } catch (error) {
    // Compared by name, since its class would have to be loaded first.
    if (error instanceof Error && error.name === "GlacierConnectionError" && !isUnsent(error)) {
      throw new Error(`${error.message}; it may have taken effect: ${findOut}`, { cause: error });
    }
    throw error;
  }
}

/** True when no server received the request. */
function isUnsent({ cause }: Error): boolean {
  return cause instanceof Error && "code" in cause && ["ECONNREFUSED", "ENOTFOUND"].includes(String(cause.code));
}
