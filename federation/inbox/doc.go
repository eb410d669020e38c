// Package inbox receives what other servers send: it finds out who sent it, keeps it, and lets it take effect.
//
// A request is answered after three steps. The document is parsed strictly, and one that has no effect here by its form
// alone ends there. Its sender is proven (package resolve): the signer is the actor, exactly, and whatever else vouches
// for a document (a forwarder, a signature inside it) counts for nothing. Then it is stored, together with the mark that
// it was seen, and the answer is 202 whatever becomes of it later. A worker ([Inbox.Run]) lets it take effect: first it
// fetches what is missing, with a bounded number of requests, then it writes everything in the transaction that takes the
// activity out of the queue, so that it has its effect once, whatever crashes in between. Activities of one actor take
// effect in the order they came.
//
// # Whose word counts for what
//
// An activity speaks for its actor alone, and for objects of the actor's origin that name it as their author. What it
// embeds of other origins is not read; it is fetched from there, or ignored. What is stored is changed, deleted, undone,
// accepted or rejected only by the actor it is stored for. An audience, an author, the time of publication and the options
// of a poll stay as they came first.
//
// # What is kept
//
// There is no timeline of strangers. A post is kept if the owner follows its author or somebody who boosted it, is named
// in it or addressed by it, or if it answers or quotes a post that is kept; and only if its audience includes the owner.
// An answer to somebody whom the owner does not follow is kept but not put into the timeline, and neither is what comes
// through a group as an answer, or a direct message. Nothing is fetched around what came: no parents, no lists, no
// pictures. What an actor takes back before it came (an Undo, a Delete that overtakes) is remembered as seen, for as long
// as activities are, and is then not kept when it comes.
//
// Of somebody whom the owner blocks only what takes something back has an effect. Somebody who is muted is not shown.
//
// # What a sender learns
//
// An observer who sends what it need not prove to be from somebody must not learn by the answer whether that somebody is
// known here, which is whom the owner has to do with. So the only activities that are answered before their sender is
// proven for the reason that the actor is unknown (Update and Delete, which large servers send to everyone) are answered
// alike when the actor is known but the proof fails. Blocks show in no answer.
//
// The package sends nothing by itself: an Accept goes into the queue of package delivery. It does not decide what the
// owner does: follow requests of a locked profile, moves and reports become notifications.
package inbox
