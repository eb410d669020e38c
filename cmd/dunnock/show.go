package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// link is the address of a post that people can open.
func link(x federation.Post) string {
	if x.URL != "" {
		return x.URL
	}
	return x.URI
}

// who is a person in one line.
func who(x federation.Person) []cell {
	handle := x.Handle
	if handle == "" {
		handle = x.URI
	}
	return []cell{{bold, x.Name}, {plain, handle}}
}

// post prints a post and everything that belongs to it. What its author wrote is indented, so that it cannot look like
// the lines around it.
func (p *page) post(x federation.Post) {
	indent := strings.Repeat("  ", min(x.Depth, 8))
	at, state, edited := x.Published, "", ""
	if x.State != "" { // an own post: its real time is the owner's to see
		at = x.Created
	}
	if x.State != "told" {
		state = x.State
	}
	if x.Updated != nil {
		edited = "edited"
	}
	p.row(indent, append(who(x.Author), cell{dim, when(at)}, cell{dim, string(x.Visibility)}, cell{yellow, state}, cell{dim, edited})...)
	indent += "  "
	if x.BoostedBy != nil {
		p.lines(indent, "boosted by "+oneLine(x.BoostedBy.Handle))
	}
	if x.Warning != "" {
		p.lines(indent, "[ "+oneLine(x.Warning)+" ]")
	}
	if x.Title != "" {
		p.lines(indent, oneLine(x.Title))
	}
	if x.Text != "" {
		p.lines(indent, x.Text)
	}
	if x.Poll != nil {
		p.poll(indent, *x.Poll)
	}
	for _, medium := range x.Attachments {
		alt := oneLine(medium.Alt)
		if alt == "" {
			alt = "not described"
		}
		p.lines(indent, "["+oneLine(medium.MIME)+": "+alt+"] "+oneLine(medium.URL))
	}
	if x.Quote != "" {
		p.lines(indent, "quotes "+oneLine(x.Quote))
	}
	if counts := did(x); counts != "" {
		p.lines(indent, counts)
	}
	p.row(indent, cell{dim, link(x)})
}

// did is what others did with the post, and what the owner did; empty for nothing.
func did(x federation.Post) string {
	var parts []string
	for _, c := range []struct {
		n         int
		one, many string
	}{{x.Boosts, "boost", "boosts"}, {x.Likes, "like", "likes"}} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.one)
		case c.n > 1:
			parts = append(parts, fmt.Sprint(c.n, " ", c.many))
		}
	}
	for _, c := range []struct {
		yes  bool
		text string
	}{{x.Liked, "you like it"}, {x.Boosted, "you boosted it"}, {x.Pinned, "pinned"}} {
		if c.yes {
			parts = append(parts, c.text)
		}
	}
	for _, emoji := range slices.Sorted(maps.Keys(x.Reacts)) {
		parts = append(parts, fmt.Sprint(oneLine(emoji), " ", x.Reacts[emoji]))
	}
	return strings.Join(parts, " · ")
}

func (p *page) poll(indent string, x federation.Poll) {
	for i, option := range x.Options {
		mark := " "
		if slices.Contains(x.Voted, i) {
			mark = "*"
		}
		p.lines(indent, fmt.Sprintf("%s%d. %s (%d)", mark, i+1, oneLine(option.Name), option.Votes))
	}
	if x.Closes != nil {
		p.lines(indent, "closes "+when(*x.Closes))
	}
}

// posts prints a list, newest first as the node gives it.
func (p *page) posts(list control.Posts, again string) {
	for i, x := range list.Posts {
		if i > 0 {
			p.gap()
		}
		p.post(x)
	}
	if len(list.Posts) == 0 {
		p.lines("", "Nothing here.")
	}
	if list.Next != "" {
		p.gap()
		p.f("Older: %s --before %s", again, oneLine(list.Next))
	}
}
