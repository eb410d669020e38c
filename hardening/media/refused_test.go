package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRefused(t *testing.T) {
	ihdr := func(w, h uint32) []byte {
		return []byte(pngSignature + chunk("IHDR", string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h))+"\x08\x06\x00\x00\x00"))
	}
	huge := asJPEG(corners(8, 8))
	sof := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[sof+5:], "\xff\xdc\xff\xdc")
	one := asGIF(&gif.GIF{Image: []*image.Paletted{image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black})}, Delay: []int{0}})
	frame := one[13+tableSize(one[10]) : len(one)-1]
	many := append(append(bytes.Clone(one[:13+tableSize(one[10])]), bytes.Repeat(frame, MaxFrames+1)...), 0x3b)
	large := func(times int) []byte { // frames of 39 million pixels that hold no data
		head := "GIF89a\x40\x1f\x13\x13\x00\x00\x00"
		return []byte(head + strings.Repeat("\x2c\x00\x00\x00\x00\x40\x1f\x13\x13\x00\x02\x00", times) + "\x3b")
	}
	for _, test := range []struct {
		name   string
		file   []byte
		found  string
		reason string
	}{
		{"SVG", []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`), "an SVG drawing", accepted},
		{"HTML", []byte("\n<!DOCTYPE html><script>"), "an HTML page", accepted},
		{"activity", []byte(`{"@context":"https://www.w3.org/ns/activitystreams"}`), "text", accepted},
		{"PDF", []byte("%PDF-1.7"), "a PDF document", accepted},
		{"MP4", []byte("\x00\x00\x00\x20ftypisom"), "an MP4 video or sound", accepted},
		{"QuickTime", []byte("\x00\x00\x00\x14ftypqt  "), "a QuickTime video", accepted},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic"), "a HEIC picture", accepted},
		{"WebM", []byte("\x1aE\xdf\xa3webm"), "a WebM or Matroska video", accepted},
		{"Ogg", []byte("OggS\x00"), "an Ogg sound or video", accepted},
		{"WAV", []byte("RIFF\x00\x00\x00\x00WAVE"), "a sound", accepted},
		{"TIFF", tiff(binary.LittleEndian, 1, canary), "a TIFF or raw picture", accepted},
		{"nothing", nil, "an empty file", accepted},
		{"noise", []byte("\x00\x01\x02\x03"), "a file of an unknown format", accepted},
		{"HTML in PNG's clothes", []byte(pngSignature + "<html><script>alert(1)</script>"), "a PNG picture", "damaged"},
		{"script in GIF's clothes", []byte("GIF89a\x01\x00\x01\x00\x00/*" + strings.Repeat(" ", 20) + "*/=1;alert(1)"), "a GIF picture", "damaged"},
		{"JPEG cut short", asJPEG(corners(40, 30))[:300], "a JPEG picture", "damaged"},
		{"WebP that lies", riff(vp8x(4, 4, 0), lossless(16000, 16000, 0, 0, 0, 0)), "a WebP picture", "damaged"},
		{"animated WebP", riff(vp8x(4, 4, 2), webpChunk("ANIM", "\x00\x00\x00\x00\x00\x00")), "a WebP picture", "animated"},
		{"PNG of 65535²", ihdr(65535, 65535), "a PNG picture", "40 million"},
		{"PNG too wide", ihdr(MaxSide+1, 1), "a PNG picture", "16384"},
		{"PNG of too many pixels", ihdr(6400, 6251), "a PNG picture", "40 million"},
		{"JPEG of 65500²", huge, "a JPEG picture", "40 million"},
		{"WebP of 16383²", riff(lossless(16383, 16383, 0, 0, 0, 0)), "a WebP picture", "40 million"},
		{"GIF of 65535²", []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00\x3b"), "a GIF picture", "40 million"},
		{"GIF of too many frames", many, "a GIF picture", "40 million"},
		{"GIF of too many pixels", large(5), "a GIF picture", "40 million"},
		{"GIF of no frames", large(0), "a GIF picture", "damaged"},
		{"GIF of no size", []byte("GIF89a\x00\x00\x00\x00\x00\x00\x00\x3b"), "a GIF picture", "damaged"},
	} {
		_, err := Clean(bytes.NewReader(test.file), 0)
		var refused *RefusedError
		if !errors.As(err, &refused) || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", test.name, err)
		} else if refused.Found != test.found || !strings.Contains(refused.Reason, test.reason) {
			t.Errorf("%s: %v; want %s, %s", test.name, err, test.found, test.reason)
		}
	}
}

// TestMeasureGIF gives blocks that a decoder reads to a fixed length, whatever they say: frames could hide in them.
func TestMeasureGIF(t *testing.T) {
	const head = "GIF89a\x01\x00\x01\x00\x00\x00\x00"
	for _, extension := range []string{"\x21\x01\x00", "\x21\xf9\x00", "\x21\xff\x00", "\x21\xff\x03abc\x00", "\x00", "\x21"} {
		if frames, err := measureGIF([]byte(head + extension + "\x3b")); err == nil {
			t.Errorf("%x: passed, with %d frames", extension, frames)
		}
	}
}

func TestLimit(t *testing.T) {
	file := asPNG(corners(8, 8))
	if _, err := Clean(bytes.NewReader(file), int64(len(file))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := Clean(bytes.NewReader(file), int64(len(file)-1)); !errors.Is(err, ErrRefused) {
		t.Errorf("above the limit: %v", err)
	}
	endless := io.MultiReader(bytes.NewReader(file), neverEnding{})
	if _, err := Clean(endless, 1<<20); !errors.Is(err, ErrRefused) {
		t.Errorf("endless: %v", err)
	}
	if _, err := Clean(iotest.ErrReader(io.ErrClosedPipe), 0); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrRefused) {
		t.Errorf("broken reader: %v", err)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }
