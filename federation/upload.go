package federation

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/media"
	"github.com/dunnock-server/dunnock/storage"
)

// MaxUpload bounds a picture as the owner hands it over, in bytes.
const MaxUpload = 16 << 20

// Upload is a picture to be posted.
type Upload struct {
	Data []byte
	Alt  string // what it shows, for those who do not see it
}

// saveAll cleans pictures and keeps their bytes. Nothing but pixels is kept of them; names are random. When one fails,
// none is kept.
func (s *Service) saveAll(uploads []Upload, post string) ([]storage.Blob, error) {
	var files []storage.Blob
	for i, u := range uploads {
		f, err := s.save(u, post)
		if err != nil {
			s.discard(files)
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
		files = append(files, *f)
	}
	return files, nil
}

func (s *Service) save(u Upload, post string) (*storage.Blob, error) {
	// One at a time: a large picture takes up to a gigabyte while it is cleaned.
	s.cleaning.Lock()
	clean, err := media.Clean(bytes.NewReader(u.Data), MaxUpload)
	s.cleaning.Unlock()
	if err != nil {
		return nil, &Error{Invalid, err.Error(), err}
	}
	ending, ok := map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif"}[clean.MIME]
	if !ok {
		return nil, errors.New("a cleaned picture of an unexpected type")
	}
	sum := sha256.Sum256(clean.Bytes)
	b := &storage.Blob{Name: wire.NewToken() + ending, Post: post, MIME: clean.MIME, Size: int64(len(clean.Bytes)),
		Width: clean.Width, Height: clean.Height, Blurhash: clean.Blurhash, Alt: u.Alt, CreatedAt: storage.Now(), Hash: sum[:]}
	if err := s.Blobs.Put(b.Name, clean.Bytes); err != nil {
		return nil, fmt.Errorf("keep a picture: %w", err)
	}
	return b, nil
}

// discard removes the bytes of files whose records are gone, or never were.
func (s *Service) discard(files []storage.Blob) {
	for _, f := range files {
		if err := s.Blobs.Delete(f.Name); err != nil {
			s.Log.Error("a file could not be removed", "err", err)
		}
	}
}
