// What the test can tell the peer to do: POST /control/<name of the function>, arguments as a JSON object. Whatever
// sends an activity comes back once each inbox has taken it, with the activity's id, and throws if one has not.
import { Temporal } from "@js-temporal/polyfill";
import {
  Accept, Activity, Add, Announce, Block, Collection, Create, Delete, EmojiReact, Flag, Follow, Like, Mention, Move,
  Note, PUBLIC_COLLECTION, Question, Reject, Remove, Tombstone, traverseCollection, Update,
} from "@fedify/vocab";
import { actorDocument, tally } from "./documents.mjs";
import { authorOf, find, head, known, latest, loaders, send, takeBack } from "./sending.mjs";

// Looks up a handle or an address, signed, by Fedify's rules.
export async function lookup(peer, { handle, url }) {
  const { object, fetched } = await find(peer, handle ?? url);
  return { id: object.id?.href, type: object.constructor.name, ...fetched };
}

// Asks the server of an address, over http if it is an http address, what WebFinger knows of it.
export async function webfinger(peer, { resource }) {
  return { document: await peer.context.lookupWebFinger(resource) };
}

// Walks through all pages of a collection.
export async function traverse(peer, { url }) {
  const { object } = await find(peer, url);
  if (!(object instanceof Collection)) throw new Error(`${url} is a ${object.constructor.name}, no collection`);
  const items = [];
  for await (const item of traverseCollection(object, loaders(peer))) items.push(item.id?.href);
  return { items, totalItems: object.totalItems };
}

export async function follow(peer, { actor }) {
  return await send(peer, new Follow({ ...head(peer, "follow"), ...about(actor) }), [actor]);
}

export async function unfollow(peer, { actor }) {
  peer.following.delete(actor);
  return await takeBack(peer, latest(peer, Follow, actor));
}

export async function accept(peer, { id }) {
  const follow = known(peer.follows, id);
  const { id: actor, inboxId, endpoints } = await follow.getActor(loaders(peer));
  peer.followers.set(actor.href, { id: actor, inboxId, endpoints });
  return await answer(peer, Accept, follow);
}

export async function reject(peer, { id }) {
  const follow = known(peer.follows, id);
  peer.followers.delete(follow.actorId.href);
  return await answer(peer, Reject, follow);
}

async function answer(peer, kind, { id, actorId, objectId }) {
  peer.pending.delete(id.href);
  const asked = new Follow({ id, actor: actorId, object: objectId });
  return await send(peer, new kind({ ...head(peer, "answer"), object: asked, to: actorId }), [actorId]);
}

// Public, with the followers in copy, unless `to` or `cc` say otherwise. Who is mentioned or replied to is told too.
export async function post(peer, { content, summary, to, cc, inReplyTo, mentions = [], quote, poll }) {
  if (to == null && cc == null) [to, cc] = [[PUBLIC_COLLECTION.href], [peer.followersID.href]];
  const tags = [];
  const told = new Set(mentions);
  if (inReplyTo) told.add(`${await authorOf(peer, inReplyTo)}`);
  told.delete(peer.id.href);
  for (const actor of told) {
    const { object } = await find(peer, actor);
    tags.push(new Mention({ href: object.id, name: `@${object.preferredUsername}@${object.id.host}` }));
  }
  const tos = (to ?? []).map((id) => new URL(id));
  const ccs = [...cc ?? [], ...told].filter((id) => !to?.includes(id)).map((id) => new URL(id));

  const type = poll ? Question : Note;
  const values = { identifier: peer.user, id: `${peer.nextID++}` };
  const id = peer.context.getObjectUri(type, values);
  const state = poll && { options: poll.options, multiple: poll.multiple, votes: new Map() };
  const published = Temporal.Now.instant();
  const endTime = poll?.endTime ? Temporal.Instant.from(poll.endTime) : published.add({ hours: 24 });
  const document = new type({
    id,
    url: id,
    attribution: peer.id,
    tos,
    ccs,
    content,
    summary,
    sensitive: summary != null,
    replyTarget: inReplyTo && new URL(inReplyTo),
    quote: quote && new URL(quote),
    quoteUrl: quote && new URL(quote),
    tags,
    published,
    replies: peer.context.getCollectionUri("replies", values),
    ...poll && { ...tally(state), endTime },
  });
  peer.posts.set(id.href, { document, replies: new Set(), poll: state });
  const create = new Create({ ...head(peer, "create"), object: document, tos, ccs, published });
  peer.outbox.push(create);
  return { id: id.href, ...await send(peer, create, [...tos, ...ccs]) };
}

// Without content the post goes out again as it is by now, which for a poll means with its votes.
export async function edit(peer, { id, content }) {
  const post = known(peer.posts, id);
  if (content != null) post.document = post.document.clone({ content, updated: Temporal.Now.instant() });
  const { tos, ccs, audience } = addressing(post);
  return await send(peer, new Update({ ...head(peer, "update"), object: post.document, tos, ccs }), audience);
}

async function withdraw(peer, { id }) {
  const { tos, ccs, audience } = addressing(known(peer.posts, id));
  peer.posts.delete(id);
  peer.gone.add(id);
  peer.pins = peer.pins.filter((pin) => pin !== id);
  peer.outbox = peer.outbox.filter((activity) => activity.objectId?.href !== id);
  const object = new Tombstone({ id: new URL(id) });
  return await send(peer, new Delete({ ...head(peer, "delete"), object, tos, ccs }), audience);
}
export { withdraw as delete };

export async function boost(peer, { object }) {
  const author = await authorOf(peer, object);
  const announce = new Announce({
    ...head(peer, "announce"),
    object: new URL(object),
    to: PUBLIC_COLLECTION,
    ccs: [peer.followersID, author],
    published: Temporal.Now.instant(),
  });
  peer.outbox.push(announce);
  return await send(peer, announce, [peer.followersID, author]);
}

export async function unboost(peer, { object }) {
  return await takeBack(peer, latest(peer, Announce, object));
}

export async function like(peer, { object }) {
  const author = await authorOf(peer, object);
  return await send(peer, new Like({ ...head(peer, "like"), ...about(object, author) }), [author]);
}

export async function unlike(peer, { object }) {
  return await takeBack(peer, latest(peer, Like, object));
}

export async function react(peer, { object, emoji }) {
  const author = await authorOf(peer, object);
  const reaction = new EmojiReact({ ...head(peer, "react"), ...about(object, author), content: emoji });
  return await send(peer, reaction, [author]);
}

// One Create a name, as is the custom.
export async function vote(peer, { question, names }) {
  const author = await authorOf(peer, question);
  const activities = [];
  for (const name of names) {
    const { id } = head(peer, "vote");
    const object = new Note({ id, attribution: peer.id, to: author, name, replyTarget: new URL(question) });
    const { activity } = await send(peer, new Create({ ...head(peer, "create"), object, to: author }), [author]);
    activities.push(activity);
  }
  return { activities };
}

export async function block(peer, { actor }) {
  peer.followers.delete(actor);
  return await send(peer, new Block({ ...head(peer, "block"), ...about(actor) }), [actor]);
}

// Reports actors and posts, to those actors' and authors' servers.
export async function flag(peer, { objects, content }) {
  const authors = await Promise.all(objects.map((id) => authorOf(peer, id)));
  const named = objects.map((id) => new URL(id));
  return await send(peer, new Flag({ ...head(peer, "flag"), objects: named, content }), authors);
}

// Pins an own post.
export async function add(peer, { object }) {
  known(peer.posts, object);
  peer.pins.push(object);
  return await pin(peer, Add, object);
}

export async function remove(peer, { object }) {
  peer.pins = peer.pins.filter((pinned) => pinned !== object);
  return await pin(peer, Remove, object);
}

async function pin(peer, kind, object) {
  const activity = new kind({ ...head(peer, "pin"), ...about(object, peer.followersID), target: peer.featuredID });
  return await send(peer, activity, [peer.followersID]);
}

export async function move(peer, { target }) {
  peer.profile.successor = new URL(target);
  const activity = new Move({ ...head(peer, "move"), ...about(peer.id, peer.followersID), target: new URL(target) });
  return await send(peer, activity, [peer.followersID]);
}

// Changes the actor: `aliases` are other accounts of the same person, which a Move to here needs.
export async function profile(peer, { name, summary, aliases }) {
  if (name != null) peer.profile.name = name;
  if (summary != null) peer.profile.summary = summary;
  if (aliases != null) peer.profile.aliases = aliases.map((id) => new URL(id));
  const object = await actorDocument(peer, peer.context);
  const update = new Update({ ...head(peer, "update"), object, to: PUBLIC_COLLECTION, cc: peer.followersID });
  return await send(peer, update, [peer.followersID]);
}

// Takes back any own activity by its id.
export async function undo(peer, { id }) {
  return await takeBack(peer, id);
}

// Sends an activity of the test's own making, as far as Fedify's vocabulary can say it, to the actors named in `to`.
export async function raw(peer, { activity, to }) {
  const id = head(peer, "raw").id.href;
  const document = { "@context": "https://www.w3.org/ns/activitystreams", id, actor: peer.id.href, ...activity };
  return await send(peer, await Activity.fromJsonLd(document, loaders(peer)), to);
}

// Which signature is tried first from now on; what was learnt about other servers is forgotten.
export async function scheme(peer, { firstKnock }) {
  await peer.store.knockWith(firstKnock);
}

// Turns switches of the peer, such as `manual` (see server.mjs).
export function set(peer, switches) {
  for (const [name, on] of Object.entries(switches)) {
    if (typeof peer[name] !== "boolean") throw new Error(`no such switch: ${name}`);
    peer[name] = Boolean(on);
  }
}

function about(object, to = object) {
  return { object: new URL(object), to: new URL(to) };
}

// Whom a post is for: those it is addressed to and those who voted.
function addressing({ document, poll }) {
  const [tos, ccs] = [[...document.toIds], [...document.ccIds]];
  return { tos, ccs, audience: [...tos, ...ccs, ...poll?.votes.keys() ?? []] };
}
