// A real ActivityPub server, built on Fedify, for dunnock's tests: one actor on a loopback port, told by the test what
// to do through /control and asked there what it saw. It accepts no connection from elsewhere and keeps nothing.
import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { configure } from "@logtape/logtape";
import * as actions from "./actions.mjs";
import { createPeer } from "./server.mjs";
import * as views from "./views.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    user: { type: "string", default: "bob" },
    "first-knock": { type: "string", default: "rfc9421" },
    log: { type: "string", default: "warning" },
  },
});

await configure({
  contextLocalStorage: new AsyncLocalStorage(),
  sinks: {
    stderr: ({ level, category, message }) =>
      process.stderr.write(`${level} ${category.join(".")}: ${message.map(text).join("")}\n`),
  },
  loggers: [
    { category: "fedify", lowestLevel: options.log, sinks: ["stderr"] },
    { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
  ],
});

function text(value) {
  if (value instanceof Error) return value.stack;
  return typeof value === "string" ? value : JSON.stringify(value);
}

// Fedify asks for acct: handles over https only, which a plain http server on loopback cannot answer. That one kind of
// request, once it has failed, is made again over http; all else goes out as Fedify made it.
const fetchAsIs = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  try {
    return await fetchAsIs(input, init);
  } catch (error) {
    const url = new URL(input.url ?? input);
    const ours = url.protocol === "https:" && url.hostname === "127.0.0.1" && url.pathname === "/.well-known/webfinger";
    if (!ours) throw error;
    url.protocol = "http:";
    return await fetchAsIs(url, init);
  }
};

const server = createServer((request, response) => {
  serve(request).catch((error) => json(500, { error: describe(error) })).then(async (answer) => {
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
});
await new Promise((resolve) => server.listen(Number(options.port), "127.0.0.1", resolve));

const peer = await createPeer({
  origin: `http://127.0.0.1:${server.address().port}`,
  user: options.user,
  firstKnock: options["first-knock"],
});

async function serve(incoming) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const url = new URL(incoming.url, peer.origin);
  if (url.pathname.startsWith("/control/")) return await control(incoming.method, url, body);

  const withBody = !["GET", "HEAD"].includes(incoming.method);
  const request = new Request(url, {
    method: incoming.method,
    headers: Object.entries(incoming.headers),
    body: withBody ? body : undefined,
  });
  const answer = refused(incoming.headers) ?? await peer.federation.fetch(request, {
    contextData: undefined,
    onNotFound: () => new Response(null, { status: peer.gone.has(url.href) ? 410 : 404 }),
  }).catch((error) => new Response(describe(error), { status: 500 }));
  peer.record("requests", {
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
    bytes: body.length,
    status: answer.status,
  });
  return answer;
}

// The answer to a signature of a kind that the peer is told not to take.
function refused(headers) {
  if (headers.signature == null) return null;
  const taken = headers["signature-input"] == null ? peer.cavage : peer.rfc9421;
  return taken ? null : new Response("signed in another scheme than is taken here", { status: 401 });
}

async function control(method, url, body) {
  const name = url.pathname.slice("/control/".length);
  const [known, input] = method === "POST"
    ? [actions, body.length > 0 ? JSON.parse(body) : {}]
    : [views, Object.fromEntries(url.searchParams)];
  if (!Object.hasOwn(known, name)) return json(404, { error: `no such control: ${method} ${name}` });
  return json(200, await known[name](peer, input) ?? {});
}

function json(status, value) {
  return Response.json(value, { status });
}

function describe(error) {
  const parts = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) parts.push(cause.message);
  return parts.join(": ") || String(error);
}

process.stdin.on("close", () => process.exit(0)).resume();
console.log(JSON.stringify({ origin: peer.origin, handle: peer.handle, actor: peer.id.href }));
