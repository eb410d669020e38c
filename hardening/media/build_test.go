package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
)

// corners is a picture with a colour of its own in each quarter: red, green, blue and white, from left to right and down.
func corners(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	quarters := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, quarters[x*2/w+y*2/h*2])
		}
	}
	return img
}

func encoded(encode func(*bytes.Buffer) error) []byte {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asJPEG(img image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) })
}

func asPNG(img image.Image) []byte {
	return encoded(func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

func asGIF(g *gif.GIF) []byte {
	return encoded(func(b *bytes.Buffer) error { return gif.EncodeAll(b, g) })
}

// tiff is EXIF data as a camera writes it: orientation, serial number, owner, maker note, position, and a thumbnail in a
// second directory.
func tiff(order binary.AppendByteOrder, orientation uint16, canary string) []byte {
	put := order.(binary.ByteOrder)
	thumbnail := append(asJPEG(corners(8, 8)), canary+"-thumbnail"...)
	type entry struct {
		tag, kind uint16
		value     []byte
	}
	short, ascii, undefined, long := uint16(3), uint16(2), uint16(7), uint16(4)
	text := func(name string) []byte { return []byte(canary + "-" + name + "\x00") }
	directory := func(at int, next bool, entries ...entry) []byte {
		end := at + 2 + 12*len(entries) + 4
		head, tail := order.AppendUint16(nil, uint16(len(entries))), []byte{}
		for _, e := range entries {
			count := len(e.value)
			switch e.kind {
			case short:
				count /= 2
			case long:
				count /= 4
			}
			head = order.AppendUint16(order.AppendUint16(head, e.tag), e.kind)
			head = order.AppendUint32(head, uint32(count))
			if len(e.value) <= 4 {
				head = append(head, append(e.value, 0, 0, 0, 0)[:4]...)
			} else {
				head = order.AppendUint32(head, uint32(end+len(tail)))
				tail = append(tail, e.value...)
			}
		}
		if next {
			return append(order.AppendUint32(head, uint32(end+len(tail))), tail...)
		}
		return append(order.AppendUint32(head, 0), tail...)
	}
	out := []byte("II*\x00\x08\x00\x00\x00")
	if put.Uint16([]byte{0, 1}) == 1 {
		out = []byte("MM\x00*\x00\x00\x00\x08")
	}
	first := []entry{
		{0x010f, ascii, text("make")}, {0x0110, ascii, text("model")},
		{0x0112, short, order.AppendUint16(nil, orientation)}, {0x0131, ascii, text("software")},
		{0x0132, ascii, text("2026:03-01 12:27:11")}, {0x8825, long, make([]byte, 4)},
		{0xa430, ascii, text("owner")}, {0xa431, ascii, text("serial")}, {0x927c, undefined, text("makernote")},
	}
	gpsAt := 8 + len(directory(8, true, first...))
	gps := directory(gpsAt, false, entry{1, ascii, []byte("N\x00")}, entry{2, undefined, text("latitude")},
		entry{29, ascii, text("date")})
	first[5].value = order.AppendUint32(nil, uint32(gpsAt))
	// The thumbnail's directory follows the first one: the position stands between, so it is linked by hand.
	thumbAt := gpsAt + len(gps)
	main := directory(8, true, first...)
	put.PutUint32(main[2+12*len(first):], uint32(thumbAt))
	second := func(offset int) []byte {
		return directory(thumbAt, false, entry{0x0201, long, order.AppendUint32(nil, uint32(offset))},
			entry{0x0202, long, order.AppendUint32(nil, uint32(len(thumbnail)))})
	}
	out = append(append(out, main...), gps...)
	return append(append(out, second(thumbAt+len(second(0)))...), thumbnail...)
}

func segment(marker byte, content string) string {
	return string([]byte{0xff, marker}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(content)+2))) + content
}

// withSegments puts segments into a JPEG, after its start.
func withSegments(file []byte, segments ...string) []byte {
	return []byte(string(file[:2]) + strings.Join(segments, "") + string(file[2:]))
}

func chunk(name, content string) string {
	body := name + content
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(content)))) + body +
		string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))))
}

// withChunks puts chunks into a PNG, after its header.
func withChunks(file []byte, chunks ...string) []byte {
	const header = 8 + 25
	return []byte(string(file[:header]) + strings.Join(chunks, "") + string(file[header:]))
}

func riff(chunks ...string) []byte {
	body := "WEBP" + strings.Join(chunks, "")
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body)
}

func webpChunk(name, content string) string {
	c := name + string(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))) + content
	if len(content)%2 == 1 {
		c += "\x00"
	}
	return c
}

// vp8x is the header of a WebP with metadata.
func vp8x(w, h int, flags byte) string {
	w, h = w-1, h-1
	return webpChunk("VP8X", string([]byte{flags, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)}))
}

// lossless is a WebP frame of one colour, whatever its size: every prefix code has one symbol, so that no pixel takes a bit.
func lossless(w, h int, red, green, blue, alpha byte) string {
	var out []byte
	used := 0
	bits := func(value, n int) {
		for i := range n {
			if used%8 == 0 {
				out = append(out, 0)
			}
			out[used/8] |= byte(value>>i&1) << (used % 8)
			used++
		}
	}
	bits(0x2f, 8)
	bits(w-1, 14)
	bits(h-1, 14)
	bits(1, 1) // alpha is used
	bits(0, 3) // version
	bits(0, 3) // no transform, no colour cache, no meta prefix codes
	for _, symbol := range []byte{green, red, blue, alpha, 0} {
		bits(1, 1) // simple code
		bits(0, 1) // of one symbol
		bits(1, 1) // of eight bits
		bits(int(symbol), 8)
	}
	return webpChunk("VP8L", string(out))
}

// lossy is a WebP frame of one pixel.
var lossy = func() string {
	b, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		panic(err)
	}
	return string(b[12:])
}()
