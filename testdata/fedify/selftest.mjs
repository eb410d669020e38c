// Two peers talk to each other through everything the controls can do, once with each signature scheme first.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("peer.mjs", import.meta.url));

class Peer {
  static async start(user, scheme) {
    const peer = new Peer();
    const args = [program, "--user", user, "--first-knock", scheme, "--log", "fatal"];
    peer.child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface(peer.child.stdout), "line");
    return Object.assign(peer, JSON.parse(line), { seen: 0 });
  }

  async stop() {
    this.child.stdin.end();
    const [code] = await once(this.child, "exit");
    assert.equal(code, 0);
  }

  async tell(name, input = {}) {
    return await answer(await fetch(`${this.origin}/control/${name}`, { method: "POST", body: JSON.stringify(input) }));
  }

  async ask(name, query = {}) {
    return await answer(await fetch(`${this.origin}/control/${name}?${new URLSearchParams(query)}`));
  }

  // The next activity of this type to arrive.
  async next(type) {
    const { activities } = await this.ask("log", { since: this.seen, type, wait: 10_000 });
    assert.ok(activities.length > 0, `no ${type} arrived`);
    this.seen = activities[0].seq;
    return activities[0];
  }
}

async function answer(response) {
  const value = await response.json();
  if (!response.ok) throw new Error(value.error);
  return value;
}

async function note(peer, id) {
  return (await peer.ask("notes")).items.find((item) => item.id === id);
}

// Each step is a name and what has to hold; later steps build on earlier ones.
const steps = {
  async "look up"(alice, bob) {
    assert.equal((await alice.tell("lookup", { url: bob.actor })).type, "Person");
    assert.equal((await alice.tell("lookup", { handle: bob.handle })).document.id, bob.actor);
    assert.equal((await alice.tell("webfinger", { resource: bob.actor })).document.links[0].href, bob.actor);
  },
  async "follow, accept by itself"(alice, bob) {
    const { activity } = await alice.tell("follow", { actor: bob.actor });
    assert.equal((await bob.next("Follow")).id, activity);
    assert.equal((await alice.next("Accept")).object, activity);
    assert.deepEqual((await bob.ask("followers")).items, [alice.actor]);
    assert.deepEqual((await alice.ask("following")).items, [bob.actor]);
    assert.deepEqual((await alice.tell("traverse", { url: `${bob.actor}/followers` })).items, [alice.actor]);
  },
  async "follow, by hand"(alice, bob) {
    await alice.tell("set", { manual: true });
    for (const verdict of ["reject", "accept"]) {
      const { activity } = await bob.tell("follow", { actor: alice.actor });
      await alice.next("Follow");
      assert.deepEqual((await alice.ask("pending")).items, [activity]);
      await alice.tell(verdict, { id: activity });
      assert.equal((await bob.next(verdict === "accept" ? "Accept" : "Reject")).object, activity);
      assert.deepEqual((await alice.ask("followers")).items, verdict === "accept" ? [bob.actor] : []);
    }
  },
  async "post"(alice, bob) {
    alice.post = (await alice.tell("post", { content: "<p>Hello</p>" })).id;
    const { document, objectType } = await bob.next("Create");
    assert.equal(objectType, "Note");
    assert.equal(document.object.id, alice.post);
    assert.equal(document.object.content, "<p>Hello</p>");
    assert.deepEqual((await bob.tell("traverse", { url: `${alice.actor}/outbox` })).items, [document.id]);
  },
  async "reply, quote"(alice, bob) {
    const reply = await bob.tell("post", { content: "Hi", inReplyTo: alice.post, quote: alice.post, summary: "cw" });
    bob.post = reply.id;
    const { document } = await alice.next("Create");
    assert.equal(document.object.inReplyTo, alice.post);
    assert.equal(document.object.quote, alice.post);
    assert.equal(document.object.tag.href, alice.actor);
    assert.deepEqual((await note(alice, alice.post)).replies, [reply.id]);
    const { replies } = (await bob.tell("lookup", { url: alice.post })).document;
    assert.deepEqual((await bob.tell("traverse", { url: replies })).items, [reply.id]);
  },
  async "to one only"(alice, bob) {
    const { id } = await alice.tell("post", { content: "psst", to: [bob.actor] });
    assert.equal((await bob.next("Create")).document.object.to, bob.actor);
    assert.equal((await fetch(id, { headers: { Accept: "application/activity+json" } })).status, 401);
    assert.equal((await bob.tell("lookup", { url: id })).document.content, "psst");
  },
  async "boost, like, react"(alice, bob) {
    for (const [name, type] of [["boost", "Announce"], ["like", "Like"], ["react", "EmojiReact"]]) {
      await bob.tell(name, { object: alice.post, emoji: "🎉" });
      assert.equal((await alice.next(type)).object, alice.post);
    }
  },
  async "vote"(alice, bob) {
    const poll = { options: ["yes", "no"], multiple: false };
    const { id } = await alice.tell("post", { content: "Well?", poll });
    assert.deepEqual((await bob.next("Create")).document.object.oneOf.map(({ name }) => name), poll.options);
    await bob.tell("vote", { question: id, names: ["no"] });
    await alice.next("Create");
    assert.deepEqual((await note(alice, id)).votes, { [bob.actor]: ["no"] });
    await alice.tell("edit", { id });
    const { object } = (await bob.next("Update")).document;
    assert.deepEqual([object.votersCount, object.oneOf.map(({ replies }) => replies.totalItems)], [1, [0, 1]]);
  },
  async "edit"(alice, bob) {
    await alice.tell("edit", { id: alice.post, content: "<p>Hello again</p>" });
    const { document, objectType } = await bob.next("Update");
    assert.equal(objectType, "Note");
    assert.equal(document.object.content, "<p>Hello again</p>");
    assert.ok(document.object.updated > document.object.published);
  },
  async "pin, unpin"(alice, bob) {
    await alice.tell("add", { object: alice.post });
    assert.equal((await bob.next("Add")).object, alice.post);
    assert.deepEqual((await bob.tell("traverse", { url: `${alice.actor}/featured` })).items, [alice.post]);
    await alice.tell("remove", { object: alice.post });
    assert.equal((await bob.next("Remove")).object, alice.post);
  },
  async "report, profile, move"(alice, bob) {
    await bob.tell("flag", { objects: [alice.actor, alice.post], content: "spam" });
    assert.deepEqual((await alice.next("Flag")).document.object, [alice.actor, alice.post]);
    await bob.tell("profile", { name: "Bob", aliases: [alice.actor] });
    assert.equal((await alice.next("Update")).document.object.alsoKnownAs, alice.actor);
    await bob.tell("move", { target: alice.actor });
    assert.equal((await alice.next("Move")).document.target, alice.actor);
  },
  async "shared inbox, anything else"(alice, bob) {
    await bob.tell("set", { sharedInbox: true });
    await bob.tell("raw", { activity: { type: "Dislike", object: alice.post }, to: [alice.actor] });
    assert.equal((await alice.next("Dislike")).inbox, "shared");
  },
  async "undo"(alice, bob) {
    for (const name of ["unboost", "unlike"]) {
      const { activity } = await bob.tell(name, { object: alice.post });
      assert.equal((await alice.next("Undo")).id, activity);
    }
    await alice.tell("unfollow", { actor: bob.actor });
    assert.equal((await bob.next("Undo")).document.object.type, "Follow");
    assert.deepEqual((await bob.ask("followers")).items, []);
  },
  async "delete, block"(alice, bob) {
    await alice.tell("delete", { id: alice.post });
    assert.equal((await bob.next("Delete")).object, alice.post);
    assert.equal((await fetch(alice.post, { headers: { Accept: "application/activity+json" } })).status, 410);
    await bob.tell("block", { actor: alice.actor });
    await alice.next("Block");
    assert.deepEqual((await alice.ask("followers")).items, []);
  },
  async "nothing unsigned, nothing forged"(alice, bob) {
    const { last } = await alice.ask("log");
    const context = "https://www.w3.org/ns/activitystreams";
    const body = { "@context": context, id: `${bob.actor}#x`, type: "Like", actor: bob.actor, object: alice.actor };
    const headers = { "Content-Type": "application/activity+json" };
    const response = await fetch(`${alice.actor}/inbox`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(response.status, 401);
    assert.equal((await alice.ask("refused")).activities.at(-1).reason, "noSignature");
    assert.equal((await alice.ask("log")).last, last);
  },
  async "signed requests only"(alice, bob) {
    await alice.tell("set", { secure: true });
    const url = `${alice.actor}/outbox`;
    assert.equal((await fetch(url, { headers: { Accept: "application/activity+json" } })).status, 401);
    await bob.tell("traverse", { url });
  },
};

// Which scheme signed the last activity that the peer received.
async function signedBy(peer) {
  const { requests } = await peer.ask("requests");
  const { headers, status } = requests.filter(({ method }) => method === "POST").at(-1);
  assert.equal(status, 202);
  return "signature-input" in headers ? "rfc9421" : "draft-cavage-http-signatures-12";
}

async function run(scheme, other) {
  const [alice, bob] = await Promise.all([Peer.start("alice", scheme), Peer.start("bob", scheme)]);
  try {
    for (const [name, step] of Object.entries(steps)) {
      await step(alice, bob);
      console.log(`OK ${scheme}: ${name}`);
    }
    const signed = (await bob.ask("requests")).requests.filter(({ headers }) => "signature" in headers);
    assert.ok(signed.every(({ headers }) => "signature-input" in headers === (scheme === "rfc9421")));
    console.log(`OK ${scheme}: everything was signed that way at the first knock`);

    // Fedify takes any failure for a scheme not understood, and stays with the one it tried last.
    await assert.rejects(alice.tell("lookup", { url: `${bob.origin}/users/nobody` }), /HTTP 404/);
    await alice.tell("like", { object: bob.post });
    assert.equal(await signedBy(bob), other);
    await alice.tell("scheme", { firstKnock: scheme });
    await alice.tell("like", { object: bob.post });
    assert.equal(await signedBy(bob), scheme);
    console.log(`OK ${scheme}: the scheme changes after a 404, and when told to`);

    await bob.tell("set", { [scheme === "rfc9421" ? "rfc9421" : "cavage"]: false });
    await alice.tell("like", { object: bob.post });
    assert.equal(await signedBy(bob), other);
    assert.equal((await alice.ask("schemes"))[bob.origin], other);
    console.log(`OK ${scheme}: refused, it is signed in the other scheme`);
  } finally {
    await Promise.all([alice.stop(), bob.stop()]);
  }
}

await run("rfc9421", "draft-cavage-http-signatures-12");
await run("draft-cavage-http-signatures-12", "rfc9421");
