/**
 * Node's own clients. Imported as modules they would evaluate all that Node exports with them, which includes `fetch`: 30 ms at
 * the start of every command, instead of 4.
 */
export const http = process.getBuiltinModule("node:http");
export const https = process.getBuiltinModule("node:https");
