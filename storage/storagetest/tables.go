package storagetest

import "fmt"

// perAct is how many inboxes an act of the queue is on its way to.
const perAct = 1000

// table is how the rows of a table are made: an INSERT … SELECT over the column n, which counts from 0.
type table struct {
	name   string
	rows   int
	insert string
}

// tables are the rows of a node that has run for a while.
func (s sizes) tables() []table {
	return append(s.world(), s.queue()...)
}

// world is what others sent, and what the owner has to do with it.
func (s sizes) world() []table {
	actor, uri := s.actor("n"), s.uri("n")
	at := fmt.Sprintf("(%d + n * %d)", s.now-int64(s.Posts)*s.step, s.step)
	return []table{
		{"actors", s.actors, fmt.Sprintf(`INSERT INTO actors
			(uri, host, type, username, handle, name, summary, url, inbox, shared_inbox, followers, featured, avatar, header, locked, fields, emoji, also_known_as, moved_to, fetched_at)
			SELECT %[1]s, %[2]s, 'Person', 'u' || n, 'u' || n || '@' || %[2]s, 'User ' || n, '<p>%[3]s</p>', %[1]s, %[1]s || '/inbox',
			'https://' || %[2]s || '/inbox', %[1]s || '/followers', %[1]s || '/featured', %[1]s || '/avatar.webp', '', 0,
			'[{"name":"Site","value":"%[3]s"}]', '[]', '[]', '', %[4]d`, actor, s.host("n"), words[:60], s.now)},
		{"actor_keys", s.actors, fmt.Sprintf(`INSERT INTO actor_keys (id, actor, public, fetched_at)
			SELECT %[1]s || '#main-key', %[1]s, zeroblob(294), %[2]d`, actor, s.now)},
		{"follows", s.followed, fmt.Sprintf(`INSERT INTO follows (follower, followee, activity, state, created_at)
			SELECT %[1]s, %[2]s, %[1]s || '/activities/follow-' || n, 'accepted', %[3]d`, s.owner(), actor, s.now)},
		{"follows", s.followed, fmt.Sprintf(`INSERT INTO follows (follower, followee, activity, state, created_at)
			SELECT %[2]s, %[1]s, %[2]s || '/follow', 'accepted', %[3]d`, s.owner(), actor, s.now)},
		{"posts", s.Posts, fmt.Sprintf(`INSERT INTO posts
			(uri, token, local, type, author, visibility, recipients, in_reply_to, conversation, quote, name, summary, content, source, language, sensitive, url, tags, attachments, published, created_at)
			SELECT %[1]s, printf('%%011x-%%d', %[6]s, n), 0, 'Note', %[2]s, 'public',
			'{"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["' || %[2]s || '/followers"]}',
			CASE WHEN n %% 20 BETWEEN 1 AND 7 THEN %[3]s ELSE '' END, CASE WHEN n %% 20 < 8 THEN %[3]s ELSE %[1]s END,
			'', '', '', '<p>' || substr('%[4]s', 1, 40 + %[5]s %% 360) || '</p>', '', 'en', 0, replace(%[1]s, '/users/', '/@'),
			'[]', CASE WHEN n %% 5 = 0 THEN '[{"type":"Document","mime":"image/webp","url":"' || %[1]s || '.webp","alt":"a bird"}]' ELSE '[]' END,
			%[6]s, %[6]s`, uri, s.author("n"), s.uri("n - n % 20"), words, random("n"), at)},
		{"timeline", s.Posts / 10 * 8, fmt.Sprintf(`INSERT INTO timeline (post, booster, created_at)
			SELECT %s, '', %d`, s.uri("n / 8 * 10 + n % 8"), s.now)},
		{"inbound", s.Posts, fmt.Sprintf(`INSERT INTO inbound (actor, activity, received_at, attempts)
			SELECT %s, %s || '/activity', %s, 0`, s.author("n"), uri, at)},
		{"notifications", s.Posts / 50, fmt.Sprintf(`INSERT INTO notifications (kind, actor, object, detail, created_at)
			SELECT 'mention', %s, %s, '', %d`, s.author("n * 50"), s.uri("n * 50"), s.now)},
		{"reactions", s.Posts / 1000, fmt.Sprintf(`INSERT INTO reactions (kind, actor, object, content, activity, created_at)
			SELECT 'Like', %[1]s, %[2]s, '', %[1]s || '/activities/like-' || n, %[3]d`, s.owner(), s.uri("n * 1000"), s.now)},
	}
}

// queue is what the owner did and others are still to be told of.
func (s sizes) queue() []table {
	host, inbox := s.host(fmt.Sprint("n % ", perAct)), s.actor(fmt.Sprint("n % ", perAct))+" || '/inbox'"
	act := s.owner() + " || '/activities/filled-' || %s"
	post := s.owner() + " || '/posts/filled-' || %s"
	of := fmt.Sprintf("(n / %d)", perAct)
	return []table{
		{"posts", s.acts, fmt.Sprintf(`INSERT INTO posts
			(uri, token, local, type, author, visibility, recipients, in_reply_to, conversation, quote, name, summary, content, source, language, sensitive, url, tags, attachments, published, created_at, release_at)
			SELECT %[1]s, 'filled-' || n, 1, 'Note', %[2]s, 'public',
			'{"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["' || %[2]s || '/followers"]}',
			'', %[1]s, '', '', '', '<p>%[3]s</p>', '%[3]s', 'en', 0, '', '[]', '[]', %[4]d, %[4]d, %[4]d`,
			fmt.Sprintf(post, "n"), s.owner(), words[:200], s.now)},
		{"acts", s.acts, fmt.Sprintf(`INSERT INTO acts (uri, type, actor, object, document, created_at, release_at)
			SELECT %[1]s, 'Create', %[2]s, %[3]s,
			'{"@context":"https://www.w3.org/ns/activitystreams","id":"' || %[1]s || '","type":"Create","actor":"' || %[2]s ||
			'","to":["https://www.w3.org/ns/activitystreams#Public"],"object":{"id":"' || %[3]s || '","type":"Note","attributedTo":"' || %[2]s ||
			'","to":["https://www.w3.org/ns/activitystreams#Public"],"content":"%[4]s"}}', %[5]d, %[5]d`,
			fmt.Sprintf(act, "n"), s.owner(), fmt.Sprintf(post, "n"), words[:200], s.now)},
		{"deliveries", s.Queue, fmt.Sprintf(`INSERT INTO deliveries (act_id, host, inbox, due_at, attempts, error, given_up)
			SELECT (SELECT id FROM acts WHERE uri = %s), %s, %s, %d, 1, 'no answer', 0`, fmt.Sprintf(act, of), host, inbox, s.now)},
		{"told", s.Queue, fmt.Sprintf(`INSERT INTO told (object, inbox, act, told_at)
			SELECT %s, %s, %s, %d`, fmt.Sprintf(post, of), inbox, fmt.Sprintf(act, of), s.now)},
		{"hosts", min(s.Queue, perAct, s.hosts), fmt.Sprintf(`INSERT INTO hosts (host, due_at, failures, failing_since, scheme)
			SELECT %s, %d, 1, %d, 1`, s.host("n"), s.Due.UnixMilli(), s.now)},
	}
}
