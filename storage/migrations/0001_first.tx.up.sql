-- Times are Unix milliseconds, booleans 0 or 1, lists and maps JSON text. `local` rows are the owner's own.

CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
){{.Strict}};

CREATE TABLE keys (
  id         TEXT NOT NULL PRIMARY KEY,
  actor      TEXT NOT NULL,
  algorithm  TEXT NOT NULL,
  private    {{.Bytes}} NOT NULL,
  created_at {{.Int}} NOT NULL
){{.Strict}};

CREATE TABLE profile (
  id            {{.ID}},
  name          TEXT NOT NULL,
  summary       TEXT NOT NULL,
  fields        TEXT NOT NULL,
  avatar        TEXT NOT NULL,
  header        TEXT NOT NULL,
  locked        {{.Bool}} NOT NULL,
  discoverable  {{.Bool}} NOT NULL,
  also_known_as TEXT NOT NULL,
  moved_to      TEXT NOT NULL
){{.Strict}};

CREATE TABLE actors (
  id            {{.ID}},
  uri           TEXT NOT NULL UNIQUE,
  host          TEXT NOT NULL,
  type          TEXT NOT NULL,
  username      TEXT NOT NULL,
  handle        TEXT NOT NULL,
  name          TEXT NOT NULL,
  summary       TEXT NOT NULL,
  url           TEXT NOT NULL,
  inbox         TEXT NOT NULL,
  shared_inbox  TEXT NOT NULL,
  followers     TEXT NOT NULL,
  featured      TEXT NOT NULL,
  avatar        TEXT NOT NULL,
  header        TEXT NOT NULL,
  locked        {{.Bool}} NOT NULL,
  fields        TEXT NOT NULL,
  emoji         TEXT NOT NULL,
  also_known_as TEXT NOT NULL,
  moved_to      TEXT NOT NULL,
  fetched_at    {{.Int}} NOT NULL,
  gone_at       {{.Int}}
){{.Strict}};
CREATE INDEX actors_handle ON actors (handle);
CREATE INDEX actors_host ON actors (host);

CREATE TABLE actor_keys (
  id         TEXT NOT NULL PRIMARY KEY,
  actor      TEXT NOT NULL,
  public     {{.Bytes}} NOT NULL,
  fetched_at {{.Int}} NOT NULL
){{.Strict}};
CREATE INDEX actor_keys_actor ON actor_keys (actor);

CREATE TABLE posts (
  id           {{.ID}},
  uri          TEXT NOT NULL UNIQUE,
  token        TEXT NOT NULL UNIQUE,
  local        {{.Bool}} NOT NULL,
  type         TEXT NOT NULL,
  author       TEXT NOT NULL,
  visibility   TEXT NOT NULL,
  recipients   TEXT NOT NULL,
  in_reply_to  TEXT NOT NULL,
  conversation TEXT NOT NULL,
  quote        TEXT NOT NULL,
  name         TEXT NOT NULL,
  summary      TEXT NOT NULL,
  content      TEXT NOT NULL,
  source       TEXT NOT NULL,
  language     TEXT NOT NULL,
  sensitive    {{.Bool}} NOT NULL,
  url          TEXT NOT NULL,
  tags         TEXT NOT NULL,
  attachments  TEXT NOT NULL,
  published    {{.Int}} NOT NULL,
  updated      {{.Int}},
  created_at   {{.Int}} NOT NULL,
  release_at   {{.Int}},
  expires_at   {{.Int}},
  deleted_at   {{.Int}}
){{.Strict}};
CREATE INDEX posts_url ON posts (url) WHERE url <> '';
CREATE INDEX posts_author ON posts (author, id);
CREATE INDEX posts_in_reply_to ON posts (in_reply_to) WHERE in_reply_to <> '';
CREATE INDEX posts_conversation ON posts (conversation) WHERE conversation <> '' AND conversation <> uri;
CREATE INDEX posts_expires ON posts (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX posts_age ON posts (created_at) WHERE NOT local;
CREATE INDEX posts_own_conversation ON posts (conversation) WHERE local;
CREATE INDEX posts_own_in_reply_to ON posts (in_reply_to) WHERE local;
CREATE INDEX posts_own_quote ON posts (quote) WHERE local;
CREATE INDEX posts_own_question ON posts (uri) WHERE local AND type = 'Question';

CREATE TABLE polls (
  post      TEXT NOT NULL PRIMARY KEY,
  multiple  {{.Bool}} NOT NULL,
  closes_at {{.Int}},
  voters    {{.Int}} NOT NULL,
  options   TEXT NOT NULL
){{.Strict}};

CREATE TABLE votes (
  poll   TEXT NOT NULL,
  voter  TEXT NOT NULL,
  choice {{.Int}} NOT NULL,
  PRIMARY KEY (poll, voter, choice)
){{.Strict}};

CREATE TABLE follows (
  follower   TEXT NOT NULL,
  followee   TEXT NOT NULL,
  activity   TEXT NOT NULL,
  state      TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  PRIMARY KEY (follower, followee)
){{.Strict}};
CREATE INDEX follows_followee ON follows (followee, state);

CREATE TABLE reactions (
  id         {{.ID}},
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  object     TEXT NOT NULL,
  content    TEXT NOT NULL,
  activity   TEXT NOT NULL UNIQUE,
  created_at {{.Int}} NOT NULL,
  UNIQUE (actor, object, kind, content)
){{.Strict}};
CREATE INDEX reactions_object ON reactions (object, kind);

CREATE TABLE pins (
  actor      TEXT NOT NULL,
  post       TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  PRIMARY KEY (actor, post)
){{.Strict}};
CREATE INDEX pins_post ON pins (post);

CREATE TABLE relations (
  actor      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  activity   TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  PRIMARY KEY (actor, kind)
){{.Strict}};

CREATE TABLE notifications (
  id         {{.ID}},
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  object     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  UNIQUE (object, actor, kind, detail)
){{.Strict}};
CREATE INDEX notifications_actor ON notifications (actor);
CREATE INDEX notifications_age ON notifications (created_at);

CREATE TABLE timeline (
  id         {{.ID}},
  post       TEXT NOT NULL,
  booster    TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  UNIQUE (post, booster)
){{.Strict}};
CREATE INDEX timeline_booster ON timeline (booster) WHERE booster <> '';

CREATE TABLE acts (
  id           {{.ID}},
  uri          TEXT NOT NULL UNIQUE,
  type         TEXT NOT NULL,
  actor        TEXT NOT NULL,
  object       TEXT NOT NULL,
  document     TEXT NOT NULL,
  created_at   {{.Int}} NOT NULL,
  release_at   {{.Int}}
){{.Strict}};
CREATE INDEX acts_object ON acts (object);
CREATE INDEX acts_release ON acts (actor, release_at);

CREATE TABLE deliveries (
  id         {{.ID}},
  act_id     {{.Int}} NOT NULL,
  host       TEXT NOT NULL,
  inbox      TEXT NOT NULL,
  due_at     {{.Int}} NOT NULL,
  attempts   {{.Int}} NOT NULL,
  error      TEXT NOT NULL,
  given_up   {{.Bool}} NOT NULL,
  UNIQUE (act_id, inbox)
){{.Strict}};
CREATE INDEX deliveries_host ON deliveries (host, due_at, act_id) WHERE NOT given_up;
CREATE INDEX deliveries_given_up ON deliveries (due_at) WHERE given_up;

CREATE TABLE hosts (
  host          TEXT NOT NULL PRIMARY KEY,
  due_at        {{.Int}},
  failures      {{.Int}} NOT NULL,
  failing_since {{.Int}},
  scheme        {{.Int}} NOT NULL
){{.Strict}};
CREATE INDEX hosts_due ON hosts (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE told (
  object  TEXT NOT NULL,
  inbox   TEXT NOT NULL,
  act     TEXT NOT NULL,
  told_at {{.Int}} NOT NULL,
  PRIMARY KEY (act, inbox)
){{.Strict}};
CREATE INDEX told_object ON told (object);

-- What came in; with a body, and due, until it took effect.
CREATE TABLE inbound (
  id          {{.ID}},
  actor       TEXT NOT NULL,
  activity    TEXT NOT NULL,
  signed_at   {{.Int}},
  received_at {{.Int}} NOT NULL,
  due_at      {{.Int}},
  attempts    {{.Int}} NOT NULL,
  undone_at   {{.Int}},
  body        {{.Bytes}},
  UNIQUE (actor, activity)
){{.Strict}};
CREATE INDEX inbound_due ON inbound (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX inbound_received ON inbound (received_at);

CREATE TABLE calls (
  id         {{.ID}},
  name       TEXT NOT NULL,
  args       TEXT NOT NULL,
  created_at {{.Int}} NOT NULL,
  due_at     {{.Int}} NOT NULL,
  attempts   {{.Int}} NOT NULL,
  error      TEXT NOT NULL
){{.Strict}};

CREATE TABLE disclosures (
  id         {{.ID}},
  at         {{.Int}} NOT NULL,
  domain     TEXT NOT NULL,
  direction  TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  act        TEXT NOT NULL,
  object     TEXT NOT NULL,
  fields     TEXT NOT NULL,
  exit       TEXT NOT NULL,
  bytes      {{.Int}} NOT NULL,
  status     {{.Int}} NOT NULL,
  settled_at {{.Int}},
  times      {{.Int}} NOT NULL,
  last_at    {{.Int}}
){{.Strict}};
CREATE INDEX disclosures_domain ON disclosures (domain, at);
CREATE INDEX disclosures_at ON disclosures (at);

CREATE TABLE blobs (
  name       TEXT NOT NULL PRIMARY KEY,
  post       TEXT NOT NULL,
  mime       TEXT NOT NULL,
  size       {{.Int}} NOT NULL,
  width      {{.Int}} NOT NULL,
  height     {{.Int}} NOT NULL,
  blurhash   TEXT NOT NULL,
  alt        TEXT NOT NULL,
  created_at {{.Int}} NOT NULL
){{.Strict}};
CREATE INDEX blobs_post ON blobs (post);
