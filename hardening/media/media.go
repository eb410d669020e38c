// Package media makes the owner's pictures fit to leave: nothing but their pixels goes on.
//
// An observer who downloads a picture as a camera wrote it learns where and when it was taken, the camera's serial
// number, the name of its owner, the software that touched it, and, in the thumbnail, what was cut away. Metadata hides in
// many places and formats grow new ones, so nothing is removed here: the picture is decoded, its orientation applied, what
// no viewer shows (the colours of fully transparent pixels, unused palette entries) cleared, and written anew by the
// standard encoders, which write no metadata at all.
//
//   - JPEG comes out as JPEG, at quality 90.
//   - PNG comes out as PNG with 8 bits a channel; of an animated PNG, its still image remains.
//   - GIF comes out as GIF, with its frames, delays and loop count.
//   - WebP comes out as JPEG if it was lossy and opaque, else as PNG; an animated one is refused.
//
// What a file is, is told by its bytes. Everything else is refused with a message for the person who chose the file.
//
// The package does not hide what is in the pixels: what a picture shows, its resolution, the noise of the sensor. Colour
// profiles are dropped unread (they name devices), so that pictures in wide gamuts look paler. It does no I/O beyond its
// reader, keeps nothing, names no files and does not limit how many pictures are cleaned at once; one may take a
// gigabyte for a moment.
package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
)

const (
	// MaxBytes is how large a file may be where the caller sets no limit.
	MaxBytes = 32 << 20
	// MaxSide is the most pixels along one side.
	MaxSide = 16384
	// MaxPixels is the most pixels in all. It is checked in the header, before anything is decoded: a few bytes can claim
	// 65535² of them.
	MaxPixels = 40_000_000
	// MaxFrames is the most frames of a GIF; together they have at most four times [MaxPixels].
	MaxFrames = 2000
)

// Result is a picture that may leave.
type Result struct {
	Bytes         []byte
	MIME          string // "image/jpeg", "image/png" or "image/gif"
	Width, Height int    // in pixels, as shown: orientation is applied
	Blurhash      string // of the first frame, on white
}

// ErrRefused is what a [RefusedError] is.
var ErrRefused = errors.New("file refused")

// RefusedError says what was found and why it is not taken, for the person who chose the file. It holds nothing of the
// file's content or name.
type RefusedError struct {
	Found  string // "an SVG drawing"
	Reason string
}

func (e *RefusedError) Error() string { return "found " + e.Found + ": " + e.Reason }

// Is makes errors.Is(err, ErrRefused) true.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

const accepted = "accepted are JPEG, PNG, GIF and WebP pictures"

// Clean reads a picture of at most limit bytes ([MaxBytes] if limit is not positive) and returns it anew, without anything
// but its pixels. The error is a [RefusedError] for whatever is not a picture, is too large or is damaged, or the
// reader's own.
func Clean(r io.Reader, limit int64) (Result, error) {
	if limit <= 0 {
		limit = MaxBytes
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return Result{}, fmt.Errorf("read picture: %w", err)
	}
	found, decoder := identify(data)
	if int64(len(data)) > limit {
		return Result{}, &RefusedError{found, fmt.Sprintf("accepted are at most %d bytes", limit)}
	}
	if decoder == nil {
		return Result{}, &RefusedError{found, accepted}
	}
	p, err := decoder(data)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errAnimated):
		return Result{}, &RefusedError{found, err.Error()}
	case err != nil: // the decoder's words say nothing to people, and may quote the file
		return Result{}, &RefusedError{found, "it is damaged, or of a variety that cannot be read"}
	}
	hash, err := blurhash(p.first())
	if err != nil {
		return Result{}, fmt.Errorf("hash picture: %w", err)
	}
	var out bytes.Buffer
	if err := p.encode(&out); err != nil {
		return Result{}, fmt.Errorf("encode picture: %w", err)
	}
	size := p.size()
	return Result{out.Bytes(), p.mime(), size.X, size.Y, hash}, nil
}

// picture is what a decoder makes of a file: pixels, and how they are written.
type picture interface {
	first() image.Image
	size() image.Point
	mime() string
	encode(io.Writer) error
}

var (
	errTooLarge = errors.New("accepted are at most 16384 pixels a side and 40 million in all")
	errAnimated = errors.New("it is animated; accepted are animations as GIF")
)

// fits checks a size that a header claims.
func fits(width, height int) error {
	if width > MaxSide || height > MaxSide || width*height > MaxPixels {
		return errTooLarge
	}
	if width < 1 || height < 1 {
		return errors.New("no pixels")
	}
	return nil
}
