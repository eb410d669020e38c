// What the peer serves, and to whom.
import { Collection, Endpoints, Note, Person, PUBLIC_COLLECTION, Question } from "@fedify/vocab";

// The actor document; also what an Update of the profile carries.
export async function actorDocument(peer, context) {
  const keys = await context.getActorKeyPairs(peer.user);
  return new Person({
    id: context.getActorUri(peer.user),
    preferredUsername: peer.user,
    url: context.getActorUri(peer.user),
    inbox: context.getInboxUri(peer.user),
    outbox: context.getOutboxUri(peer.user),
    followers: context.getFollowersUri(peer.user),
    following: context.getFollowingUri(peer.user),
    featured: context.getFeaturedUri(peer.user),
    endpoints: new Endpoints({ sharedInbox: context.getInboxUri() }),
    publicKey: keys[0].cryptographicKey,
    assertionMethods: keys.map((key) => key.multikey),
    manuallyApprovesFollowers: peer.manual,
    discoverable: true,
    ...peer.profile,
  });
}

// The part of a Question that changes as votes come in.
export function tally({ options, multiple, votes }) {
  const choices = options.map((name) => {
    const totalItems = [...votes.values()].filter((names) => names.has(name)).length;
    return new Note({ name, replies: new Collection({ totalItems }) });
  });
  return { [multiple ? "inclusiveOptions" : "exclusiveOptions"]: choices, voters: votes.size };
}

export function serveDocuments(peer) {
  const { federation } = peer;
  const own = (identifier) => identifier === peer.user;
  const open = async (context) => !peer.secure || await reader(peer, context) != null;
  const find = (context, type, values) => peer.posts.get(context.getObjectUri(type, values).href);

  federation
    .setActorDispatcher("/users/{identifier}", (context, name) => own(name) ? actorDocument(peer, context) : null)
    .mapHandle((_, name) => own(name) ? name : null)
    .setKeyPairsDispatcher((_, name) => own(name) ? peer.keys : []);

  const collections = {
    setFollowersDispatcher: ["followers", () => [...peer.followers.values()]],
    setFollowingDispatcher: ["following", () => [...peer.following.values()].map(({ id }) => id)],
    setOutboxDispatcher: ["outbox", () => peer.outbox.toReversed()],
    setFeaturedDispatcher: ["featured", () => peer.pins.map((id) => peer.posts.get(id).document)],
  };
  for (const [set, [path, items]] of Object.entries(collections)) {
    federation[set](`/users/{identifier}/${path}`, (_, name) => own(name) ? { items: items() } : null)
      .setCounter(() => items().length)
      .authorize(open);
  }

  for (const [type, path] of [[Note, "notes"], [Question, "questions"]]) {
    federation
      .setObjectDispatcher(type, `/users/{identifier}/${path}/{id}`, (context, values) =>
        find(context, type, values)?.document ?? null)
      .authorize((context, values) => mayRead(peer, context, find(context, type, values).document));
  }
  federation
    .setCollectionDispatcher("replies", Note, "/users/{identifier}/replies/{id}", (context, values) => {
      const post = find(context, Note, values) ?? find(context, Question, values);
      return post == null ? null : { items: [...post.replies].map((id) => new URL(id)) };
    })
    .authorize(open);

  federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
    software: { name: "dunnock-test-peer", version: "0.0.0" },
    protocols: ["activitypub"],
    usage: { users: { total: 1 }, localPosts: peer.posts.size, localComments: 0 },
  }));
}

// The actor whose signature is on this request, or null.
async function reader(peer, context) {
  return await context.getSignedKeyOwner({ documentLoader: peer.loader });
}

// Public posts are for everyone, unless the peer is secure; others for the followers or people they are addressed to.
async function mayRead(peer, context, post) {
  const audience = [...post.toIds, ...post.ccIds].map((id) => id.href);
  const isPublic = audience.includes(PUBLIC_COLLECTION.href);
  if (isPublic && !peer.secure) return true;
  const who = await reader(peer, context);
  if (who == null) return false;
  return isPublic || audience.includes(who.id.href) ||
    audience.includes(peer.followersID.href) && peer.followers.has(who.id.href);
}
