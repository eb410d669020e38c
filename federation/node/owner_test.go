package node_test

import (
	"slices"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// write makes a post.
func (p *process) write(text string, options ...string) (made federation.Post) {
	p.t.Helper()
	p.run(&made, append(append([]string{"post"}, options...), text)...)
	return made
}

// find returns a post as it is kept here, with everything that is known of it.
func (p *process) find(uri string) (found federation.Post, ok bool) {
	p.t.Helper()
	var thread control.Posts
	if err := p.try(&thread, "thread", uri); err != nil {
		return found, false
	}
	at := slices.IndexFunc(thread.Posts, func(x federation.Post) bool { return x.URI == uri })
	if at < 0 {
		return found, false
	}
	return thread.Posts[at], true
}

// sees waits until a post is here, and is so.
func (p *process) sees(uri string, so func(federation.Post) bool) (found federation.Post) {
	p.t.Helper()
	eventually(p.t, "the post "+uri+" is here as it should be", func() (ok bool) {
		found, ok = p.find(uri)
		return ok && so(found)
	})
	return found
}

// whatever is so of every post.
func whatever(federation.Post) bool { return true }

// misses waits until a post is not here any more.
func (p *process) misses(uri string) {
	p.t.Helper()
	eventually(p.t, uri+" is gone", func() bool { _, ok := p.find(uri); return !ok })
}

// timeline is the first page of it.
func (p *process) timeline() []federation.Post {
	p.t.Helper()
	var page control.Posts
	p.run(&page, "timeline", "--limit", "200")
	return page.Posts
}

// reads waits until a post is in the timeline, as boosted by somebody or, if that is empty, as it is.
func (p *process) reads(uri, booster string) (found federation.Post) {
	p.t.Helper()
	eventually(p.t, uri+" is in the timeline", func() bool {
		posts := p.timeline()
		at := slices.IndexFunc(posts, func(x federation.Post) bool {
			return x.URI == uri && (x.BoostedBy == nil && booster == "" || x.BoostedBy != nil && x.BoostedBy.URI == booster)
		})
		if at >= 0 {
			found = posts[at]
		}
		return at >= 0
	})
	return found
}

// notifications are the newest of those that the owner has.
func (p *process) notifications(kind, object string) (found []federation.Notification) {
	p.t.Helper()
	var page control.Notifications
	p.run(&page, "notifications", "--limit", "200")
	for _, n := range page.Notifications {
		if n.Kind == kind && n.Object == object {
			found = append(found, n)
		}
	}
	return found
}

// told waits until the owner is notified of something.
func (p *process) told(kind, object string) (first federation.Notification) {
	p.t.Helper()
	eventually(p.t, "the owner is told of the "+kind, func() bool {
		found := p.notifications(kind, object)
		if len(found) > 0 {
			first = found[0]
		}
		return len(found) > 0
	})
	return first
}

// settled waits until all that came in has had its effect.
func (p *process) settled() {
	p.t.Helper()
	eventually(p.t, "nothing waits in the inbox", func() bool {
		var status federation.Status
		p.run(&status, "status")
		return status.Inbound == 0
	})
}

// follows is how the owner stands to somebody: pending, accepted, rejected, or empty.
func (p *process) follows(actor string) string {
	p.t.Helper()
	var list control.Following
	p.run(&list, "following")
	return state(list.Following, actor)
}

// followedBy is how somebody stands to the owner.
func (p *process) followedBy(actor string) string {
	p.t.Helper()
	var list control.Followers
	p.run(&list, "followers", "list")
	return state(list.Followers, actor)
}

func state(list []federation.Relationship, actor string) string {
	for _, r := range list {
		if r.Actor == actor {
			return r.State
		}
	}
	return ""
}
