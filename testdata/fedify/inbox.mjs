// What the peer does with activities that reached it. Fedify has verified each one before it gets here.
import {
  Accept, Activity, Add, Announce, Block, Create, Delete, EmojiReact, Flag, Follow, getTypeId, isActor, Like, Move,
  Note, Reject, Remove, Undo, Update,
} from "@fedify/vocab";
import { accept } from "./actions.mjs";
import { tally } from "./documents.mjs";

const kinds = [
  Accept, Add, Announce, Block, Create, Delete, EmojiReact, Flag, Follow, Like, Move, Reject, Remove, Undo, Update,
  Activity, // whatever else there is
];

// Activities whose object the peer looks at, fetching it if it is only named, as any server would.
const lookedInto = [Add, Announce, Create, Update];

export function listen(peer) {
  const listeners = peer.federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    .setSharedKeyDispatcher(() => ({ identifier: peer.user }))
    .onError((_, error) => console.error(error))
    .onUnverifiedActivity((_, activity, { type, keyId, result }) =>
      peer.record("refused", {
        type: typeName(activity),
        id: activity.id?.href,
        reason: type,
        keyId: keyId?.href,
        keyFetch: result?.status ?? result?.error?.message,
      }));
  for (const kind of kinds) listeners.on(kind, (context, activity) => receive(peer, context, activity));
}

async function receive(peer, context, activity) {
  let object, then;
  try {
    const options = { ...context, suppressError: true };
    if (lookedInto.some((kind) => activity instanceof kind)) object = await activity.getObject(options);
    then = await effects.get(activity.constructor)?.(peer, context, activity, object);
  } finally {
    peer.record("log", {
      type: typeName(activity),
      id: activity.id?.href,
      actor: activity.actorId.href,
      object: activity.objectId?.href,
      objectType: object && typeName(object),
      inbox: context.recipient == null ? "shared" : "personal",
      document: context.activity, // as it came; a property Fedify's types do not mention
    });
  }
  await then?.();
}

function typeName(object) {
  return getTypeId(object).href.replace(/^.*[#/]/, "");
}

// By kind of activity, what it changes. A function that comes back is run once the activity is in the log.
const effects = new Map([
  [Follow, (peer, _, follow) => {
    if (follow.id == null || follow.objectId?.href !== peer.id.href) return;
    peer.follows.set(follow.id.href, follow);
    peer.pending.add(follow.id.href);
    if (!peer.manual) return () => accept(peer, { id: follow.id.href });
  }],
  [Accept, async (peer, context, answer) => {
    if (answersOurs(peer, answer)) peer.following.set(answer.actorId.href, recipient(await answer.getActor(context)));
  }],
  [Reject, (peer, _, answer) => {
    if (answersOurs(peer, answer)) peer.following.delete(answer.actorId.href);
  }],
  [Undo, async (peer, context, undo) => {
    const undone = peer.follows.get(undo.objectId?.href) ?? await undo.getObject({ ...context, suppressError: true });
    if (!(undone instanceof Follow) || undone.actorId?.href !== undo.actorId.href) return;
    peer.pending.delete(undone.id?.href);
    peer.followers.delete(undo.actorId.href);
  }],
  [Create, (peer, _, create, object) => {
    const post = peer.posts.get(object?.replyTargetId?.href);
    if (post == null || object.attributionId?.href !== create.actorId.href) return;
    if (post.poll && object instanceof Note && object.name != null) vote(post, create.actorId.href, `${object.name}`);
    else post.replies.add(object.id.href);
  }],
  [Update, (peer, _, update, object) => {
    if (!isActor(object) || object.id?.href !== update.actorId.href) return;
    for (const list of [peer.followers, peer.following]) {
      if (list.has(object.id.href)) list.set(object.id.href, recipient(object));
    }
  }],
  [Delete, (peer, _, { actorId, objectId }) => {
    if (objectId?.href === actorId.href) forget(peer, actorId);
    for (const { replies } of peer.posts.values()) replies.delete(objectId?.href);
  }],
  [Block, (peer, _, { actorId, objectId }) => {
    if (objectId?.href === peer.id.href) forget(peer, actorId);
  }],
]);

// Is this an answer, by the one who was asked, to a Follow the peer sent?
function answersOurs(peer, answer) {
  const follow = peer.sent.get(answer.objectId?.href)?.activity;
  return follow instanceof Follow && follow.objectId.href === answer.actorId.href;
}

function recipient({ id, inboxId, endpoints }) {
  return { id, inboxId, endpoints };
}

function forget(peer, actor) {
  peer.followers.delete(actor.href);
  peer.following.delete(actor.href);
}

function vote(post, voter, name) {
  const { options, multiple, votes } = post.poll;
  if (!options.includes(name) || votes.has(voter) && !multiple) return;
  votes.set(voter, (votes.get(voter) ?? new Set()).add(name));
  post.document = post.document.clone(tally(post.poll));
}
