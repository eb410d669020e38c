package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// drain returns when the node has nothing left to do, in or out.
func (t *trial) drain(ctx context.Context) error {
	t.say("waiting until all has arrived")
	for last, moved := (federation.Status{}), time.Now(); ; {
		var s federation.Status
		if err := t.node.Call(ctx, "status", nil, &s); err != nil {
			return err
		}
		if s.Inbound == 0 && s.Waiting == 0 {
			return nil
		}
		if s.Inbound != last.Inbound || s.Waiting != last.Waiting {
			last, moved = s, time.Now()
		}
		if time.Since(moved) > stalled {
			return fmt.Errorf("for %s nothing has moved: %d activities wait to take effect, %d deliveries to leave", stalled, s.Inbound, s.Waiting)
		}
		if err := pauseFor(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// count holds what the owner is shown, and what the fleet got, against what was answered.
func (s *storm) count(ctx context.Context) error {
	s.say("counting")
	shown, err := s.shown(ctx, s.before)
	if err != nil {
		return err
	}
	lost, doubled := tally(only("Create", s.taken), shown)
	s.add("kills: mentions taken", float64(len(only("Create", s.taken))), "")
	s.add(killsLost, float64(lost), "")
	s.add(killsDoubled, float64(doubled), "")

	lost, doubled, err = s.likes(ctx, shown)
	if err != nil {
		return err
	}
	s.add("kills: likes taken", float64(len(only("Like", s.taken))), "")
	s.add("kills: posts of the owner, answered", float64(len(s.posts)), "")
	s.add("kills: posts of the owner, answer cut off", float64(s.unsure), "")
	s.add(killsLikesWrong, float64(lost+doubled), "")

	wrong, err := s.followers(ctx)
	if err != nil {
		return err
	}
	s.add("kills: follows and their undoings taken", float64(len(only("Follow", s.taken))+len(only("Undo", s.taken))), "")
	s.add(killsFollowsWrong, float64(wrong), "")

	arrivals := s.fleet.Arrivals(s.from)
	out := delivered(arrivals)
	lost = missed(arrivals, "Create", s.posts, s.fleet.Actors[:faithful])
	s.add("kills: deliveries", float64(len(arrivals)), "")
	s.add("kills: deliveries repeated after a SIGKILL, same id", float64(out.repeated), "")
	s.add(killsUndelivered, float64(lost), "")
	s.add(killsDelivered, float64(out.doubled), "")
	s.add(killsCrashed, float64(s.crashed), "")
	unsound := 0.0
	if err := s.node.Check(ctx); err != nil {
		s.warn("%v", err)
		unsound = 1
	}
	s.add(killsUnsound, unsound, "")
	return nil
}

// only are the acts of a type.
func only(kind string, acts []fleet.Act) (list []fleet.Act) {
	for _, a := range acts {
		if a.Type == kind {
			list = append(list, a)
		}
	}
	return list
}

// likes counts likes that were taken and are not shown, and those that are shown or counted twice. A post that was answered
// and is not there has lost all of them, and itself.
func (s *storm) likes(ctx context.Context, shown []federation.Notification) (lost, doubled int, err error) {
	type like struct{ actor, post string }
	times, want := map[like]int{}, map[string]int{}
	for _, n := range shown {
		if n.Kind == "like" {
			if times[like{n.Actor, n.Object}]++; times[like{n.Actor, n.Object}] > 1 {
				doubled++
			}
		}
	}
	for _, act := range only("Like", s.taken) {
		want[act.Object]++
		if times[like{act.Actor.URI, act.Object}] == 0 {
			lost++
		}
	}
	for _, uri := range s.posts {
		var thread control.Posts
		err := s.node.Call(ctx, "thread", control.ID{ID: uri}, &thread)
		switch {
		case err != nil && ctx.Err() != nil:
			return lost, doubled, err
		case err != nil || len(thread.Posts) == 0:
			lost += 1 + want[uri]
		case thread.Posts[0].Likes < want[uri]:
			lost += want[uri] - thread.Posts[0].Likes
		case thread.Posts[0].Likes > want[uri]:
			doubled += thread.Posts[0].Likes - want[uri]
		}
	}
	return lost, doubled, nil
}

// followers counts actors who follow and should not, or should and do not, or have not been told that they do.
func (s *storm) followers(ctx context.Context) (wrong int, err error) {
	var now control.Followers
	if err := s.node.Call(ctx, "followers", control.State{State: "accepted"}, &now); err != nil {
		return 0, err
	}
	times := map[string]int{}
	for _, f := range now.Followers {
		times[f.Actor]++
	}
	told := map[string]bool{}
	for _, a := range s.fleet.Arrivals(s.from) {
		if a.Type == "Accept" {
			told[a.Object] = true
		}
	}
	follow := map[*fleet.Actor]string{} // by which it follows; empty: it does not any more
	for _, act := range s.taken {
		switch act.Type {
		case "Follow":
			follow[act.Actor] = act.ID
		case "Undo":
			follow[act.Actor] = ""
		}
	}
	for actor, id := range follow {
		if (id != "") != (times[actor.URI] == 1) || id != "" && !told[id] {
			wrong++
		}
	}
	for _, actor := range s.fleet.Actors[:faithful] {
		if times[actor.URI] != 1 {
			wrong++
		}
	}
	return wrong, nil
}
