package federation

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dunnock-server/dunnock/federation/documents"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Bounds of the profile.
const (
	MaxName    = 100   // runes
	MaxSummary = 5_000 // runes
	MaxFields  = 8
)

// ProfileEdit is a change of the owner's profile. What is nil stays as it is.
type ProfileEdit struct {
	Name         *string
	Summary      *string
	Fields       *[]storage.Field
	Locked       *bool // follow requests wait for the owner
	Discoverable *bool
	Avatar       *[]byte // a picture; empty: none
	Header       *[]byte // likewise
}

// Profile is the owner's profile.
func (s *Service) Profile(ctx context.Context) (*Profile, error) {
	p, err := s.DB.Profile(ctx)
	if err != nil {
		return nil, err
	}
	return s.profileView(p), nil
}

// SetProfile changes the owner's profile and tells the followers.
func (s *Service) SetProfile(ctx context.Context, e ProfileEdit) (*Profile, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	var files []storage.Blob
	pictures := map[*[]byte]string{}
	for _, picture := range []*[]byte{e.Avatar, e.Header} {
		if picture == nil || len(*picture) == 0 {
			continue
		}
		f, err := s.save(Upload{Data: *picture}, "")
		if err != nil {
			s.discard(files)
			return nil, err
		}
		files = append(files, *f)
		pictures[picture] = f.Name
	}
	var after *storage.Profile
	var replaced []storage.Blob
	err := s.write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if after, err = tx.Profile(ctx); err != nil {
			return err
		}
		e.apply(after)
		replaced = replaced[:0]
		for _, place := range []struct {
			name    *string
			picture *[]byte
		}{{&after.Avatar, e.Avatar}, {&after.Header, e.Header}} {
			if place.picture == nil {
				continue
			}
			if *place.name != "" {
				replaced = append(replaced, storage.Blob{Name: *place.name})
			}
			*place.name = pictures[place.picture]
		}
		for i := range files {
			if err := tx.InsertBlob(ctx, &files[i]); err != nil {
				return err
			}
		}
		for _, f := range replaced {
			if err := tx.DeleteBlob(ctx, f.Name); err != nil {
				return err
			}
		}
		if err := tx.SetProfile(ctx, after); err != nil {
			return err
		}
		_, err = s.tellProfile(ctx, tx)
		return err
	})
	if err != nil {
		s.discard(files)
		return nil, err
	}
	s.discard(replaced)
	return s.profileView(after), nil
}

func (e ProfileEdit) check() error {
	switch {
	case e.Name != nil && utf8.RuneCountInString(*e.Name) > MaxName:
		return invalid(fmt.Sprintf("the name is longer than %d characters", MaxName))
	case e.Summary != nil && utf8.RuneCountInString(*e.Summary) > MaxSummary:
		return invalid(fmt.Sprintf("the biography is longer than %d characters", MaxSummary))
	case e.Fields != nil && len(*e.Fields) > MaxFields:
		return invalid(fmt.Sprintf("a profile has at most %d fields", MaxFields))
	}
	return nil
}

func (e ProfileEdit) apply(p *storage.Profile) {
	set(&p.Name, e.Name)
	set(&p.Summary, e.Summary)
	set(&p.Fields, e.Fields)
	set(&p.Locked, e.Locked)
	set(&p.Discoverable, e.Discoverable)
}

// tellProfile tells the followers, and others that are named, of the owner's actor as it now is.
func (s *Service) tellProfile(ctx context.Context, tx storage.Tx, others ...storage.Actor) (*storage.Act, error) {
	person, err := documents.Owner(ctx, tx.Queries, s.IDs)
	if err != nil {
		return nil, err
	}
	to, err := inboxes(ctx, tx.Queries, s.IDs.Owner(), storage.Public, others)
	if err != nil {
		return nil, err
	}
	return s.tell(ctx, tx, time.Now(), time.Time{}, act{about: s.IDs.Owner(), inboxes: to, Activity: wire.Activity{
		Type: "Update", Object: person, To: s.IDs.Addresses(storage.Public, nil).To,
	}})
}
