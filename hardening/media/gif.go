package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"io"
)

// animation is a GIF, of one frame or many.
type animation struct{ *gif.GIF }

func (a animation) first() image.Image       { return a.Image[0] }
func (a animation) size() image.Point        { return image.Pt(a.Config.Width, a.Config.Height) }
func (a animation) mime() string             { return "image/gif" }
func (a animation) encode(w io.Writer) error { return gif.EncodeAll(w, a.GIF) }

func decodeGIF(data []byte) (picture, error) {
	if _, err := measureGIF(data); err != nil {
		return nil, err
	}
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for _, frame := range g.Image {
		frame.Palette = usedColours(frame)
	}
	g.BackgroundIndex = 0
	g.Config.ColorModel = nil // each frame has its own palette now
	return animation{g}, nil
}

// usedColours is a frame's palette with black for what no pixel uses.
func usedColours(frame *image.Paletted) color.Palette {
	var used [256]bool
	for _, i := range frame.Pix {
		used[i] = true
	}
	palette := make(color.Palette, len(frame.Palette))
	for i, c := range frame.Palette {
		if palette[i] = c; !used[i] {
			palette[i] = color.RGBA{A: 0xff}
		}
	}
	return palette
}

var errGIF = errors.New("not a GIF by its own rules")

// measureGIF counts the frames of a GIF and adds up their pixels without decoding them (GIF89a specification): a few bytes
// can claim thousands of large ones. It refuses every form that a decoder could read as another number of frames.
func measureGIF(data []byte) (frames int, err error) {
	const header, extension, frame, trailer = 13, 0x21, 0x2c, 0x3b
	if len(data) < header {
		return 0, errGIF
	}
	if err := fits(sizeAt(data[6:])); err != nil {
		return 0, err
	}
	pixels := 0
	for rest := skip(data, header+tableSize(data[10])); ; {
		if len(rest) == 0 {
			return 0, errGIF
		}
		switch rest[0] {
		case extension:
			if len(rest) < 3 || !extensionFits(rest[1], rest[2]) {
				return 0, errGIF
			}
			rest = skipBlocks(rest[2:])
		case frame:
			if len(rest) < 10 {
				return 0, errGIF
			}
			w, h := sizeAt(rest[5:])
			frames, pixels = frames+1, pixels+w*h
			if frames > MaxFrames || pixels > 4*MaxPixels {
				return 0, errTooLarge
			}
			rest = skipBlocks(skip(rest, 10+tableSize(rest[9])+1)) // 1: the size of a code
		case trailer:
			return frames, nil
		default:
			return 0, errGIF
		}
	}
}

// extensionFits checks the size of an extension's first block, where the specification fixes it.
func extensionFits(label, size byte) bool {
	const text, control, application = 0x01, 0xf9, 0xff
	switch label {
	case text:
		return size == 12
	case control:
		return size == 4
	case application:
		return size == 11
	}
	return true
}

func sizeAt(b []byte) (w, h int) {
	return int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
}

// tableSize is the length in bytes of the colour table that a packed field announces.
func tableSize(packed byte) int {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}

// skip passes over n bytes; nil when there are no more.
func skip(b []byte, n int) []byte { return b[min(n, len(b)):] }

// skipBlocks passes over blocks, each led by its length, up to and including the empty one that ends them.
func skipBlocks(b []byte) []byte {
	for len(b) > 0 && b[0] != 0 {
		b = skip(b, int(b[0])+1)
	}
	return skip(b, 1)
}
