// How the peer finds others and sends to them; what the actions are made of.
import { isActor, PUBLIC_COLLECTION, Undo } from "@fedify/vocab";

// Loaders for following references: signed as the peer's actor.
export function loaders(peer) {
  return { documentLoader: peer.loader, contextLoader: peer.context.contextLoader };
}

// Looks up a handle or address, and keeps the document as it came. Fedify answers null to whatever goes wrong, so what
// went wrong on the way is noted.
export async function find(peer, target) {
  let fetched;
  const troubles = [];
  const documentLoader = async (url, options) => {
    try {
      return fetched = await peer.loader(url, options);
    } catch (error) {
      troubles.push(error.message);
      throw error;
    }
  };
  const object = await peer.context.lookupObject(`${target}`, { documentLoader, crossOrigin: "throw" });
  if (object == null) throw new Error(`${target} leads to no object (${troubles.join("; ") || "nothing to fetch"})`);
  return { object, fetched };
}

export function known(map, id) {
  if (!map.has(id)) throw new Error(`no such thing here: ${id}`);
  return map.get(id);
}

// The properties every own activity has.
export function head(peer, kind) {
  return { id: new URL(`#${kind}-${peer.nextID++}`, peer.id), actor: peer.id };
}

// Delivers to everyone the audience, a list of ids, stands for.
export async function send(peer, activity, audience) {
  const recipients = new Map();
  for (const id of audience.map(String)) {
    if (id === PUBLIC_COLLECTION.href || id === peer.id.href) continue;
    else if (id === peer.followersID.href) for (const entry of peer.followers) recipients.set(...entry);
    else recipients.set(id, peer.followers.get(id) ?? peer.following.get(id) ?? await findActor(peer, id));
  }
  for (const [id, { inboxId }] of recipients) if (inboxId == null) throw new Error(`${id} has no inbox`);
  peer.sent.set(activity.id.href, { activity, audience });
  const options = { preferSharedInbox: peer.sharedInbox };
  await peer.context.sendActivity({ identifier: peer.user }, [...recipients.values()], activity, options);
  return { activity: activity.id.href, recipients: [...recipients.keys()] };
}

async function findActor(peer, id) {
  const { object } = await find(peer, id);
  if (!isActor(object)) throw new Error(`${id} is a ${object.constructor.name}, no actor`);
  return object;
}

// The id of the actor behind an object: of itself, or of its author.
export async function authorOf(peer, id) {
  const { object } = await find(peer, id);
  return isActor(object) ? object.id : object.attributionId;
}

// Takes back an own activity, before everyone it was sent to.
export async function takeBack(peer, id) {
  const { activity, audience } = known(peer.sent, id);
  peer.outbox = peer.outbox.filter((other) => other !== activity);
  const [tos, ccs] = [[...activity.toIds], [...activity.ccIds]];
  return await send(peer, new Undo({ ...head(peer, "undo"), object: activity, tos, ccs }), audience);
}

// The id of the last own activity of a kind that is about an object.
export function latest(peer, kind, object) {
  for (const { activity } of [...peer.sent.values()].reverse()) {
    if (activity instanceof kind && activity.objectId?.href === object) return activity.id.href;
  }
  throw new Error(`no ${kind.name} of ${object} was sent`);
}
