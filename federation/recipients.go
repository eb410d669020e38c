package federation

import (
	"context"
	"slices"

	"github.com/dunnock-server/dunnock/storage"
)

// inboxes are where an act for an audience goes: the followers' servers unless it is direct, and those who are named.
// Who is named in a direct act gets it in their own inbox, so that a shared one need not guess for whom it is.
func inboxes(ctx context.Context, q storage.Queries, owner string, v storage.Visibility, named []storage.Actor) ([]string, error) {
	var to []string
	if v != storage.Direct {
		followers, err := q.FollowerActors(ctx, owner)
		if err != nil {
			return nil, err
		}
		for _, f := range followers {
			to = append(to, f.DeliveryInbox())
		}
	}
	return unique(append(to, inboxesOf(v, named)...)), nil
}

// inboxesOf are where those get an act who are named in it.
func inboxesOf(v storage.Visibility, named []storage.Actor) (to []string) {
	for _, a := range named {
		switch {
		case !a.GoneAt.IsZero():
		case v == storage.Direct:
			to = append(to, a.Inbox)
		default:
			to = append(to, a.DeliveryInbox())
		}
	}
	return to
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
