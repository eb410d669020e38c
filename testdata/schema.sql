CREATE TABLE actor_keys (
  id         TEXT NOT NULL PRIMARY KEY,
  actor      TEXT NOT NULL,
  public     BLOB NOT NULL,
  fetched_at INTEGER NOT NULL
) STRICT;

CREATE TABLE actors (
  id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
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
  locked        INTEGER NOT NULL,
  fields        TEXT NOT NULL,
  emoji         TEXT NOT NULL,
  also_known_as TEXT NOT NULL,
  moved_to      TEXT NOT NULL,
  fetched_at    INTEGER NOT NULL,
  gone_at       INTEGER
) STRICT;

CREATE TABLE acts (
  id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  uri          TEXT NOT NULL UNIQUE,
  type         TEXT NOT NULL,
  actor        TEXT NOT NULL,
  object       TEXT NOT NULL,
  document     TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  release_at   INTEGER
) STRICT;

CREATE TABLE blobs (
  name       TEXT NOT NULL PRIMARY KEY,
  post       TEXT NOT NULL,
  mime       TEXT NOT NULL,
  size       INTEGER NOT NULL,
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  blurhash   TEXT NOT NULL,
  alt        TEXT NOT NULL,
  created_at INTEGER NOT NULL
, hash BLOB) STRICT;

CREATE TABLE calls (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  args       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at     INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,
  error      TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  act_id     INTEGER NOT NULL,
  host       TEXT NOT NULL,
  inbox      TEXT NOT NULL,
  due_at     INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,
  error      TEXT NOT NULL,
  given_up   INTEGER NOT NULL,
  UNIQUE (act_id, inbox)
) STRICT;

CREATE TABLE disclosures (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  domain     TEXT NOT NULL,
  direction  TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  act        TEXT NOT NULL,
  object     TEXT NOT NULL,
  fields     TEXT NOT NULL,
  exit       TEXT NOT NULL,
  bytes      INTEGER NOT NULL,
  status     INTEGER NOT NULL,
  settled_at INTEGER,
  times      INTEGER NOT NULL,
  last_at    INTEGER
) STRICT;

CREATE TABLE follows (
  follower   TEXT NOT NULL,
  followee   TEXT NOT NULL,
  activity   TEXT NOT NULL,
  state      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (follower, followee)
) STRICT;

CREATE TABLE hosts (
  host          TEXT NOT NULL PRIMARY KEY,
  due_at        INTEGER,
  failures      INTEGER NOT NULL,
  failing_since INTEGER,
  scheme        INTEGER NOT NULL
) STRICT;

CREATE TABLE inbound (
  id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  actor       TEXT NOT NULL,
  activity    TEXT NOT NULL,
  signed_at   INTEGER,
  received_at INTEGER NOT NULL,
  due_at      INTEGER,
  attempts    INTEGER NOT NULL,
  undone_at   INTEGER,
  body        BLOB,
  UNIQUE (actor, activity)
) STRICT;

CREATE TABLE keys (
  id         TEXT NOT NULL PRIMARY KEY,
  actor      TEXT NOT NULL,
  algorithm  TEXT NOT NULL,
  private    BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE notifications (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  object     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (object, actor, kind, detail)
) STRICT;

CREATE TABLE pins (
  actor      TEXT NOT NULL,
  post       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (actor, post)
) STRICT;

CREATE TABLE polls (
  post      TEXT NOT NULL PRIMARY KEY,
  multiple  INTEGER NOT NULL,
  closes_at INTEGER,
  voters    INTEGER NOT NULL,
  options   TEXT NOT NULL
) STRICT;

CREATE TABLE posts (
  id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  uri          TEXT NOT NULL UNIQUE,
  token        TEXT NOT NULL UNIQUE,
  local        INTEGER NOT NULL,
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
  sensitive    INTEGER NOT NULL,
  url          TEXT NOT NULL,
  tags         TEXT NOT NULL,
  attachments  TEXT NOT NULL,
  published    INTEGER NOT NULL,
  updated      INTEGER,
  created_at   INTEGER NOT NULL,
  release_at   INTEGER,
  expires_at   INTEGER,
  deleted_at   INTEGER
) STRICT;

CREATE TABLE profile (
  id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name          TEXT NOT NULL,
  summary       TEXT NOT NULL,
  fields        TEXT NOT NULL,
  avatar        TEXT NOT NULL,
  header        TEXT NOT NULL,
  locked        INTEGER NOT NULL,
  discoverable  INTEGER NOT NULL,
  also_known_as TEXT NOT NULL,
  moved_to      TEXT NOT NULL
) STRICT;

CREATE TABLE reactions (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  object     TEXT NOT NULL,
  content    TEXT NOT NULL,
  activity   TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  UNIQUE (actor, object, kind, content)
) STRICT;

CREATE TABLE relations (
  actor      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  activity   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (actor, kind)
) STRICT;

CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE timeline (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  post       TEXT NOT NULL,
  booster    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (post, booster)
) STRICT;

CREATE TABLE told (
  object  TEXT NOT NULL,
  inbox   TEXT NOT NULL,
  act     TEXT NOT NULL,
  told_at INTEGER NOT NULL,
  PRIMARY KEY (act, inbox)
) STRICT;

CREATE TABLE votes (
  poll   TEXT NOT NULL,
  voter  TEXT NOT NULL,
  choice INTEGER NOT NULL,
  PRIMARY KEY (poll, voter, choice)
) STRICT;

CREATE INDEX actor_keys_actor ON actor_keys (actor);

CREATE INDEX actors_handle ON actors (handle);

CREATE INDEX actors_host ON actors (host);

CREATE INDEX acts_object ON acts (object);

CREATE INDEX acts_release ON acts (actor, release_at);

CREATE INDEX blobs_post ON blobs (post);

CREATE INDEX deliveries_given_up ON deliveries (due_at) WHERE given_up;

CREATE INDEX deliveries_host ON deliveries (host, due_at, act_id) WHERE NOT given_up;

CREATE INDEX disclosures_at ON disclosures (at);

CREATE INDEX disclosures_domain ON disclosures (domain, at);

CREATE INDEX follows_followee ON follows (followee, state);

CREATE INDEX hosts_due ON hosts (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX inbound_due ON inbound (due_at, id) WHERE due_at IS NOT NULL;

CREATE INDEX inbound_received ON inbound (received_at);

CREATE INDEX notifications_actor ON notifications (actor);

CREATE INDEX notifications_age ON notifications (created_at);

CREATE INDEX pins_post ON pins (post);

CREATE INDEX posts_age ON posts (created_at) WHERE NOT local;

CREATE INDEX posts_author ON posts (author, id);

CREATE INDEX posts_conversation ON posts (conversation) WHERE conversation <> '' AND conversation <> uri;

CREATE INDEX posts_expires ON posts (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX posts_in_reply_to ON posts (in_reply_to) WHERE in_reply_to <> '';

CREATE INDEX posts_own_conversation ON posts (conversation) WHERE local;

CREATE INDEX posts_own_in_reply_to ON posts (in_reply_to) WHERE local;

CREATE INDEX posts_own_question ON posts (uri) WHERE local AND type = 'Question';

CREATE INDEX posts_own_quote ON posts (quote) WHERE local;

CREATE INDEX posts_url ON posts (url) WHERE url <> '';

CREATE INDEX reactions_object ON reactions (object, kind);

CREATE INDEX timeline_booster ON timeline (booster) WHERE booster <> '';

CREATE INDEX told_object ON told (object);
