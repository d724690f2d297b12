/**
 * For a request that is sent once, because it would count twice: where its answer was lost, the error says how to find out.
 *
 * @param findOut what shows whether it was done.
 */
export async function sentOnce<Answer>(request: Promise<Answer>, findOut: string): Promise<Answer> {
  try {
    return await request;
  } catch (error) {
    // Its class would have to be loaded first.
    if (error instanceof Error && error.name === "GlacierConnectionError" && !isUnsent(error)) {
      throw new Error(`${error.message}; it may be done all the same: ${findOut}`, { cause: error });
    }
    throw error;
  }
}

/** Nobody was there to do it. */
function isUnsent({ cause }: Error): boolean {
  return cause instanceof Error && "code" in cause && ["ECONNREFUSED", "ENOTFOUND"].includes(String(cause.code));
}
