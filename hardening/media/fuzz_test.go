package media

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"testing"
)

func FuzzClean(f *testing.F) {
	for _, file := range laden() {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && c.Width*c.Height > 1<<20 && c.Width*c.Height <= MaxPixels {
			t.Skip("takes too long")
		}
		r, err := Clean(bytes.NewReader(file), 0)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
			return
		}
		if err := bare(r); err != nil {
			t.Error(err)
		}
		c, _, err := image.DecodeConfig(bytes.NewReader(r.Bytes))
		if err != nil || c.Width != r.Width || c.Height != r.Height {
			t.Errorf("%v: %d × %d, said %d × %d", err, c.Width, c.Height, r.Width, r.Height)
		}
	})
}

func FuzzMeasureGIF(f *testing.F) {
	f.Add(laden()["GIF"])
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, h := 0, 0; len(data) > 10 {
			if w, h = sizeAt(data[6:]); w*h > 1<<16 {
				t.Skip("takes too long")
			}
		}
		frames, err := measureGIF(data)
		if err != nil {
			return
		}
		if g, err := gif.DecodeAll(bytes.NewReader(data)); err == nil && len(g.Image) != frames {
			t.Errorf("%d frames, counted %d", len(g.Image), frames)
		}
	})
}
