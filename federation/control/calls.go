package control

import (
	"context"
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/ingress/certs"
	"github.com/dunnock-server/dunnock/storage"
)

// The arguments of calls. Times are seconds; pictures are base64, as encoding/json has it.
type (
	none struct{}

	// ID names a post: its URL, or the short name that this node shows.
	ID struct {
		ID string `json:"id"`
	}
	// Who names an account: its URL, or @user@host.
	Who struct {
		Who string `json:"who"`
	}
	// Picture is a file to be posted.
	Picture struct {
		Data []byte `json:"data"`
		Alt  string `json:"alt,omitempty"`
	}
	// Question is the poll of a post.
	Question struct {
		Options  []string `json:"options"`
		Multiple bool     `json:"multiple,omitempty"`
		ClosesIn int64    `json:"closes_in,omitempty"`
	}
	// NewPost is the argument of "post".
	NewPost struct {
		Text       string             `json:"text"`
		Visibility storage.Visibility `json:"visibility,omitempty"`
		ReplyTo    string             `json:"reply_to,omitempty"`
		Quote      string             `json:"quote,omitempty"`
		Warning    string             `json:"cw,omitempty"`
		Sensitive  bool               `json:"sensitive,omitempty"`
		Language   string             `json:"language,omitempty"`
		Media      []Picture          `json:"media,omitempty"`
		Poll       *Question          `json:"poll,omitempty"`
		ExpiresIn  int64              `json:"expires_in,omitempty"`
		Token      string             `json:"token,omitempty"` // see federation.Draft; set when the call is kept
	}
	// EditedPost is the argument of "edit"; what is left out stays.
	EditedPost struct {
		ID        string  `json:"id"`
		Text      *string `json:"text,omitempty"`
		Warning   *string `json:"cw,omitempty"`
		Sensitive *bool   `json:"sensitive,omitempty"`
		Language  *string `json:"language,omitempty"`
	}
	// Ballot is the argument of "vote".
	Ballot struct {
		ID      string   `json:"id"`
		Choices []string `json:"choices"`
	}
	// Undoing is the argument of "undo": kind is like or boost.
	Undoing struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	}
	// Page asks for part of a list.
	Page struct {
		Limit  int    `json:"limit,omitempty"`
		Before string `json:"before,omitempty"`
	}
	// NewProfile is the argument of "profile_set"; what is left out stays, an empty picture is taken away.
	NewProfile struct {
		Name         *string          `json:"name,omitempty"`
		Summary      *string          `json:"summary,omitempty"`
		Fields       *[]storage.Field `json:"fields,omitempty"`
		Locked       *bool            `json:"locked,omitempty"`
		Discoverable *bool            `json:"discoverable,omitempty"`
		Avatar       *[]byte          `json:"avatar,omitempty"`
		Header       *[]byte          `json:"header,omitempty"`
	}
	// State asks for follows in a state; empty or "all" means any.
	State struct {
		State string `json:"state,omitempty"`
	}
	// What is the argument of "lookup": a handle or URL.
	What struct {
		What string `json:"what"`
	}
	// View is the argument of "policy_preview". An empty URL is the owner's actor.
	View struct {
		Domain string `json:"domain"`
		URL    string `json:"url,omitempty"`
	}
	// Password is the argument of "password_set".
	Password struct {
		Password string `json:"password"`
	}
)

// The results of calls that have no type in package federation.
type (
	// Posts is a page of posts; Next begins the following one.
	Posts struct {
		Posts []federation.Post `json:"posts"`
		Next  string            `json:"next,omitempty"`
	}
	// Notifications is a page of notifications.
	Notifications struct {
		Notifications []federation.Notification `json:"notifications"`
		Next          string                    `json:"next,omitempty"`
	}
	// Followers are accounts that follow the owner, or that the owner follows.
	Followers struct {
		Followers []federation.Relationship `json:"followers"`
	}
	// Following are accounts that the owner follows.
	Following struct {
		Following []federation.Relationship `json:"following"`
	}
	// Relays are the ways out; empty while the node does not run.
	Relays struct {
		Relays []egress.Way `json:"relays"`
	}
	// Ingress are the ways in, in the order of the configuration, the owner's last; empty while the node does not run.
	Ingress struct {
		Ingress []WayIn `json:"ingress"`
		// Certificate is what is known of the certificate; nil where TLS ends elsewhere.
		Certificate *certs.State `json:"certificate,omitempty"`
	}
	// WayIn is a way in as the owner sees it.
	WayIn struct {
		Name string `json:"name"`
		// Onion is the name of the onion service, if it is one.
		Onion string `json:"onion,omitempty"`
		// Owner says that it is the owner's own.
		Owner bool `json:"owner,omitempty"`
		ingress.State
		// Strangers says that there were visitors whose address is not known, so that limits hold for all of these together.
		Strangers bool `json:"strangers,omitempty"`
	}
	// Findings are the result of "doctor".
	Findings struct {
		Checks []egress.Check `json:"checks"`
	}
	// Trial is the result of "relay_test".
	Trial struct {
		Name   string         `json:"name"`
		Checks []egress.Check `json:"checks"`
	}
	// Found is the result of "lookup": one of the two.
	Found struct {
		Actor *federation.Account `json:"actor,omitempty"`
		Post  *federation.Post    `json:"post,omitempty"`
	}
	// Preview is the result of "policy_preview".
	Preview struct {
		// Document is what is sent, to the byte; empty: nothing is.
		Document string `json:"document"`
		// Withheld are the fields that there are and that are not shown.
		Withheld []Withheld `json:"withheld"`
	}
	// Withheld is a field that is not shown.
	Withheld struct {
		Field   string `json:"field"` // its path
		Reveals string `json:"reveals"`
	}
	// Deleted is the result of "delete".
	Deleted struct {
		URI string `json:"deleted"`
	}
	// Undone is the result of "undo".
	Undone struct {
		URI string `json:"undone"`
	}
)

// calls are all that the owner can ask for, by name.
func calls(c Config) map[string]call {
	s := c.Service
	post := func(fn func(context.Context, string) error) call {
		return on(func(ctx context.Context, a ID) (none, error) { return none{}, fn(ctx, a.ID) })
	}
	person := func(fn func(context.Context, string) error) call {
		return on(func(ctx context.Context, a Who) (none, error) { return none{}, fn(ctx, a.Who) })
	}
	return map[string]call{
		"post": on(func(ctx context.Context, a NewPost) (*federation.Post, error) { return s.Publish(ctx, a.draft()) }).keep(),
		"edit": on(func(ctx context.Context, a EditedPost) (*federation.Post, error) {
			return s.Edit(ctx, a.ID, federation.Edit{Text: a.Text, Warning: a.Warning, Sensitive: a.Sensitive, Language: a.Language})
		}).keep(),
		"delete": on(func(ctx context.Context, a ID) (Deleted, error) {
			uri, err := s.Delete(ctx, a.ID)
			return Deleted{uri}, err
		}),
		"boost": on(func(ctx context.Context, a ID) (*federation.Reaction, error) { return s.Boost(ctx, a.ID) }).keep(),
		"like":  on(func(ctx context.Context, a ID) (*federation.Reaction, error) { return s.Like(ctx, a.ID) }).keep(),
		"undo": on(func(ctx context.Context, a Undoing) (Undone, error) {
			kinds := map[string]string{"like": storage.Like, "boost": storage.Announce}
			if kinds[a.Kind] == "" {
				return Undone{}, &federation.Error{Kind: federation.Invalid, Message: "what can be undone is a like or a boost"}
			}
			uri, err := s.UndoReaction(ctx, kinds[a.Kind], a.ID)
			return Undone{uri}, err
		}),
		"vote":  on(func(ctx context.Context, a Ballot) (*federation.Post, error) { return s.Vote(ctx, a.ID, a.Choices) }).keep(),
		"pin":   post(s.Pin),
		"unpin": post(s.Unpin),

		"follow":            on(func(ctx context.Context, a Who) (*federation.Relationship, error) { return s.Follow(ctx, a.Who) }).keep(),
		"unfollow":          on(func(ctx context.Context, a Who) (*federation.Relationship, error) { return s.Unfollow(ctx, a.Who) }),
		"followers":         on(func(ctx context.Context, a State) (Followers, error) { return followers(ctx, s, a) }),
		"following":         on(func(ctx context.Context, _ none) (Following, error) { return following(ctx, s) }),
		"followers_approve": person(s.Approve),
		"followers_reject":  person(s.Reject),
		"followers_remove":  person(s.RemoveFollower),
		"block":             person(s.Block).keep(),
		"unblock":           person(s.Unblock),
		"mute":              person(s.Mute),
		"unmute":            person(s.Unmute),
		"blocks":            on(func(ctx context.Context, _ none) (*federation.Blocks, error) { return s.Blocks(ctx) }),

		"timeline": on(func(ctx context.Context, a Page) (Posts, error) {
			posts, next, err := s.Timeline(ctx, a.Limit, a.Before)
			return Posts{posts, next}, err
		}),
		"thread": on(func(ctx context.Context, a ID) (Posts, error) {
			posts, err := s.Thread(ctx, a.ID)
			return Posts{Posts: posts}, err
		}),
		"notifications": on(func(ctx context.Context, a Page) (Notifications, error) {
			list, next, err := s.Notifications(ctx, a.Limit, a.Before)
			return Notifications{list, next}, err
		}),
		"lookup": on(func(ctx context.Context, a What) (Found, error) {
			actor, post, err := s.Lookup(ctx, a.What)
			return Found{actor, post}, err
		}),
		"profile_show": on(func(ctx context.Context, _ none) (*federation.Profile, error) { return s.Profile(ctx) }),
		"profile_set": on(func(ctx context.Context, a NewProfile) (*federation.Profile, error) {
			return s.SetProfile(ctx, federation.ProfileEdit(a))
		}),
		"keys_rotate":  on(func(ctx context.Context, _ none) (map[string]string, error) { return s.RotateKeys(ctx) }),
		"queue":        on(func(ctx context.Context, _ none) (*federation.Queued, error) { return s.Queued(ctx) }),
		"password_set": on(func(ctx context.Context, a Password) (none, error) { return none{}, s.SetPassword(ctx, a.Password) }),
		"relays": on(func(context.Context, none) (r Relays, err error) {
			if c.Relays != nil {
				r.Relays = c.Relays()
			}
			return r, nil
		}),
		"ingress": on(func(context.Context, none) (r Ingress, err error) {
			if c.Ingress != nil && !c.Offline {
				r = c.Ingress()
			}
			return r, nil
		}),
		"doctor": on(func(ctx context.Context, _ none) (r Findings, err error) {
			if c.Examine == nil || c.Offline {
				return r, &federation.Error{Kind: federation.Network, Message: "the node is not running: start it with `dunnock serve`"}
			}
			r.Checks, err = c.Examine(ctx)
			return r, err
		}),
		"relay_test": on(func(ctx context.Context, a What) (t Trial, err error) {
			if c.Try == nil {
				return t, &federation.Error{Kind: federation.Network, Message: "nothing leaves this node"}
			}
			t.Name = a.What
			if t.Checks, err = c.Try(ctx, a.What); errors.Is(err, egress.ErrNoRelay) {
				err = &federation.Error{Kind: federation.NotFound, Message: "no relay in use is called that: `dunnock relay list` has their names"}
			}
			return t, err
		}),
		"policy_preview": on(func(ctx context.Context, a View) (Preview, error) { return c.Preview(ctx, a.Domain, a.URL) }),
		"policy_reread": on(func(context.Context, none) (_ none, err error) {
			if c.Reread != nil && !c.Offline {
				err = c.Reread()
			}
			return none{}, err
		}),
		"metrics": on(func(ctx context.Context, _ none) (s metrics.Snapshot, err error) {
			if c.Metrics != nil && !c.Offline {
				s, err = c.Metrics(ctx)
			}
			return s, err
		}),
		"status": on(func(ctx context.Context, _ none) (*federation.Status, error) { return s.Status(ctx) }),
	}
}

func (a NewPost) draft() federation.Draft {
	d := federation.Draft{Text: a.Text, Visibility: a.Visibility, ReplyTo: a.ReplyTo, Quote: a.Quote, Warning: a.Warning,
		Sensitive: a.Sensitive, Language: a.Language, ExpiresIn: seconds(a.ExpiresIn), Token: a.Token}
	for _, m := range a.Media {
		d.Media = append(d.Media, federation.Upload{Data: m.Data, Alt: m.Alt})
	}
	if a.Poll != nil {
		d.Poll = &federation.PollDraft{Options: a.Poll.Options, Multiple: a.Poll.Multiple, ClosesIn: seconds(a.Poll.ClosesIn)}
	}
	return d
}

// seconds is a duration, at most ten years.
func seconds(n int64) time.Duration {
	return time.Duration(min(n, 10*366*24*60*60)) * time.Second
}

func followers(ctx context.Context, s *federation.Service, a State) (Followers, error) {
	if a.State == "all" {
		a.State = ""
	}
	list, err := s.Followers(ctx, storage.FollowState(a.State))
	return Followers{list}, err
}

func following(ctx context.Context, s *federation.Service) (Following, error) {
	list, err := s.Following(ctx)
	return Following{list}, err
}
