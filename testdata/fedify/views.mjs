// What the test can ask the peer: GET /control/<name of the function>.
import { once } from "node:events";

// Activities that were received and verified, after number `since`, of one `type` if given. With `wait` (milliseconds)
// an empty answer is held back until there is one to give or the time is up.
export async function log(peer, { since = "0", type, wait = "0" }) {
  const matching = () => peer.log.filter((entry) => entry.seq > Number(since) && (!type || entry.type === type));
  const signal = AbortSignal.timeout(Number(wait));
  while (matching().length === 0 && !signal.aborted) await once(peer.events, "log", { signal }).catch(() => {});
  return { last: peer.log.length, activities: matching() };
}

// Activities that were turned away because their signature did not verify, each with Fedify's reason.
export function refused(peer) {
  return { last: peer.refused.length, activities: peer.refused };
}

// Every request from outside, with its headers, after number `since`.
export function requests(peer, { since = "0" }) {
  return { last: peer.requests.length, requests: peer.requests.filter(({ seq }) => seq > Number(since)) };
}

// Which signature scheme each server took last, by its origin. Fedify takes a 404, too, for a scheme not understood.
export async function schemes(peer) {
  return await peer.store.schemes();
}

export function followers(peer) {
  return { items: [...peer.followers.keys()] };
}

export function following(peer) {
  return { items: [...peer.following.keys()] };
}

// Follow requests that wait for accept or reject.
export function pending(peer) {
  return { items: [...peer.pending] };
}

// The peer's own posts as it serves them, with the replies and votes it counted.
export async function notes(peer) {
  const items = [];
  for (const [id, { document, replies, poll }] of peer.posts) {
    const votes = poll && Object.fromEntries([...poll.votes].map(([actor, names]) => [actor, [...names]]));
    items.push({ id, document: await document.toJsonLd(peer.context), replies: [...replies], votes });
  }
  return { items };
}
