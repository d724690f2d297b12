import { createHash } from "node:crypto";
import type { Reply } from "../wire/encode.ts";
import type { WireRequest } from "../wire/wire-request.ts";

const style = "body{margin:3em auto;max-width:38em;padding:0 1em;font:1rem/1.5 sans-serif}pre{overflow-x:auto}";

/** The same for everybody at all times: a stranger must not learn a version, a setting or a state from it. */
const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Moraine</title>
<style>${style}</style>
</head>
<body>
<h1>Moraine</h1>
<p>This address is an endpoint of the Amazon Glacier vault API (REST 2012-06-01), served by Moraine from its operator's
own storage. It is for programs, which sign their requests: aws-cli, boto3, the AWS SDKs, or the command
<code>moraine</code>. There is nothing to log in to here.</p>
<p>Give such a program this page's address as its endpoint, and the access key that the operator gave you:</p>
<pre>export AWS_ENDPOINT_URL_GLACIER=&lt;this page's address&gt;
export AWS_ACCESS_KEY_ID=&lt;your key&gt; AWS_SECRET_ACCESS_KEY=&lt;its secret&gt;
aws glacier list-vaults --account-id -</pre>
<p>If you started the server yourself, paste the lines that it printed. <a href="/health/ready">Is it ready?</a></p>
</body>
</html>
`;

/** Nothing runs, nothing is loaded, and no other page can show this one as its own. */
const headers = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Length": String(Buffer.byteLength(html)),
  "Content-Security-Policy":
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; img-src data:; ` +
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Returns the page for a person who opens the server's address in a browser; null for any other request. */
export const welcomePage = ({ method, path }: WireRequest): Reply | null =>
  path === "/" && (method === "GET" || method === "HEAD") ? { status: 200, headers, body: html } : null;
