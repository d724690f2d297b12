/**
 * Node's own clients. Imported as modules they would evaluate all that Node exports with them, which includes all of `fetch`: a tenth
 * of a second of processor time at the start of every command.
 */
export const http = process.getBuiltinModule("node:http");
export const https = process.getBuiltinModule("node:https");
