package documents

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"regexp"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// mediaName is what files are called; everything else is looked up nowhere.
var mediaName = regexp.MustCompile(`^[a-z0-9]+\.(jpg|png|gif|webp)$`)

// mediaTypes are the types that files are served as. A record of any other is not served: what a browser could run, or a
// server take for a document (CVE-2024-25623), never leaves from here.
var mediaTypes = map[string]string{"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}

// media serves a picture of the owner's to whoever knows its name. The type comes from the record, not from the bytes,
// the name or the request.
func (h handler) media(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	blob, release, err := h.blob(r.Context(), r.PathValue("name"))
	if err != nil {
		h.refuse(w, err)
		return
	}
	file, err := h.Open(blob.Name)
	if errors.Is(err, fs.ErrNotExist) {
		err = storage.ErrNotFound // deleted between the two look-ups
	}
	if err != nil {
		h.refuse(w, err)
		return
	}
	defer func() { _ = file.Close() }() // only read from
	if err := h.Gate.ServeMedia(r.Context(), hardening.Viewer{}, blob.Name, release, int(blob.Size)); err != nil {
		h.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", blob.MIME)
	http.ServeContent(w, r, "", time.Time{}, file) // without a time: when it was made is nobody's business
}

// blob finds a file's record, and since when it exists for others: the release of its post; the profile's pictures have
// always been there.
func (h handler) blob(ctx context.Context, name string) (*storage.Blob, time.Time, error) {
	m := mediaName.FindStringSubmatch(name)
	if m == nil {
		return nil, time.Time{}, storage.ErrNotFound
	}
	blob, err := h.DB.Blob(ctx, name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if blob.MIME != mediaTypes[m[1]] {
		return nil, time.Time{}, storage.ErrNotFound
	}
	if blob.Post == "" {
		profile, err := h.DB.Profile(ctx)
		if err == nil && profile.Avatar != name && profile.Header != name {
			err = storage.ErrNotFound // not used yet, or no longer
		}
		return blob, always, err
	}
	p, err := h.DB.Post(ctx, blob.Post)
	if err == nil && (!p.Local || !p.DeletedAt.IsZero()) {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return blob, p.ReleaseAt.Time, nil
}
