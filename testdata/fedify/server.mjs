// The peer: its state, its keys, and the Fedify server around them.
import { EventEmitter } from "node:events";
import { createFederation, InProcessMessageQueue, MemoryKvStore } from "@fedify/fedify";
import { serveDocuments } from "./documents.mjs";
import { listen } from "./inbox.mjs";

// Fedify remembers in its store which signature scheme each origin took. This store answers for origins not met yet, so
// that the scheme of the first knock can be changed while the peer runs.
class Store extends MemoryKvStore {
  async get(key) {
    return await super.get(key) ?? (key[0] === "scheme" ? this.firstKnock : undefined);
  }

  async knockWith(scheme) {
    if (!["rfc9421", "draft-cavage-http-signatures-12"].includes(scheme)) throw new Error(`no such scheme: ${scheme}`);
    this.firstKnock = scheme;
    for await (const { key } of this.list(["scheme"])) await this.delete(key);
  }

  // By origin, the scheme that it took last.
  async schemes() {
    const taken = {};
    for await (const { key, value } of this.list(["scheme"])) taken[key[1]] = value;
    return taken;
  }
}

export async function createPeer({ origin, user, firstKnock }) {
  const store = new Store();
  await store.knockWith(firstKnock);
  // Only incoming activities are queued. What the peer sends goes out before the control call returns, so that the call
  // tells how it went.
  const federation = createFederation({
    kv: store,
    kvPrefixes: { httpMessageSignaturesSpec: ["scheme"] },
    queue: { inbox: new InProcessMessageQueue() },
    inboxRetryPolicy: () => null,
    origin,
    allowPrivateAddress: true,
  });
  const peer = {
    origin,
    user,
    handle: `@${user}@${new URL(origin).host}`,
    store,
    federation,
    keys: await makeKeys(),
    profile: { name: user, summary: "A peer in a test." },
    manual: false, // Follow requests wait for accept or reject
    secure: false, // posts and collections are served to signed requests only
    sharedInbox: false, // deliveries go to shared inboxes where there are any
    cavage: true, // requests signed by draft-cavage-12 are taken; else 401
    rfc9421: true, // requests signed by RFC 9421 are taken; else 401
    followers: new Map(), // actor id -> { id, inboxId, endpoints }
    following: new Map(), // actor id -> likewise
    follows: new Map(), // id of a received Follow -> the Follow
    pending: new Set(), // ids of those not answered yet
    sent: new Map(), // id of an own activity -> { activity, audience }
    outbox: [], // own Create and Announce activities that stand, newest last
    posts: new Map(), // id of an own post -> { document, replies, poll }
    gone: new Set(), // ids of own posts deleted
    pins: [], // ids of own posts
    log: [],
    refused: [],
    requests: [],
    events: new EventEmitter().setMaxListeners(0),
    record(list, entry) {
      peer[list].push({ seq: peer[list].length + 1, ...entry });
      peer.events.emit(list);
    },
    nextID: 1,
  };
  serveDocuments(peer);
  listen(peer);
  peer.context = federation.createContext(new URL(origin), undefined);
  peer.id = peer.context.getActorUri(user);
  peer.followersID = peer.context.getFollowersUri(user);
  peer.featuredID = peer.context.getFeaturedUri(user);
  peer.loader = await peer.context.getDocumentLoader({ identifier: user }); // signs its requests
  return peer;
}

// RSA comes first: it signs requests, the other one signs activities.
async function makeKeys() {
  const publicExponent = new Uint8Array([1, 0, 1]);
  const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent, hash: "SHA-256" };
  return await Promise.all([rsa, "Ed25519"].map((kind) => crypto.subtle.generateKey(kind, true, ["sign", "verify"])));
}
