package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"testing"
)

func TestOrientation(t *testing.T) {
	// By orientation, the quarters of the upright picture, from left to right and down.
	const r, g, b, w = 0, 1, 2, 3
	want := [][4]int{1: {r, g, b, w}, 2: {g, r, w, b}, 3: {w, b, g, r}, 4: {b, w, r, g},
		5: {r, b, g, w}, 6: {b, r, w, g}, 7: {w, g, b, r}, 8: {g, w, r, b}}
	stored := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}
	for o := 1; o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			data := tiff(order, uint16(o), canary)
			for name, file := range map[string][]byte{
				"JPEG": withSegments(asJPEG(corners(40, 24)), segment(0xe0, "JFIF\x00"), segment(0xe1, xmp), segment(0xe1, "Exif\x00\x00"+string(data))),
				"PNG":  withChunks(asPNG(corners(40, 24)), chunk("eXIf", string(data))),
			} {
				out, err := Clean(bytes.NewReader(file), 0)
				if err != nil {
					t.Fatal(name, o, err)
				}
				img, _, err := image.Decode(bytes.NewReader(out.Bytes))
				if err != nil {
					t.Fatal(name, o, err)
				}
				width, height := 40, 24
				if o >= 5 {
					width, height = 24, 40
				}
				if out.Width != width || out.Height != height || img.Bounds().Size() != image.Pt(width, height) {
					t.Fatalf("%s, %d: %d × %d", name, o, out.Width, out.Height)
				}
				for i, q := range want[o] {
					x, y := width/4+i%2*width/2, height/4+i/2*height/2
					if !near(img.At(x, y), stored[q]) {
						t.Errorf("%s, %d: quarter %d is %v, want %v", name, o, i, img.At(x, y), stored[q])
					}
				}
			}
		}
	}
	out, err := Clean(bytes.NewReader(riff(vp8x(40, 24, 8), lossless(40, 24, 9, 9, 9, 255), webpChunk("EXIF", exif(6)))), 0)
	if err != nil || out.Width != 24 || out.Height != 40 {
		t.Errorf("WebP: %v, %d × %d", err, out.Width, out.Height)
	}
	gray := image.NewGray(image.Rect(0, 0, 20, 10))
	gray.Pix[0] = 255
	out, err = Clean(bytes.NewReader(withChunks(asPNG(gray), chunk("eXIf", string(tiff(binary.BigEndian, 6, canary))))), 0)
	if err != nil || out.Width != 10 || out.Height != 20 {
		t.Fatalf("gray: %v, %d × %d", err, out.Width, out.Height)
	}
	if img, _ := png.Decode(bytes.NewReader(out.Bytes)); img.At(9, 0) != (color.Gray{255}) {
		t.Error("gray: turned the wrong way")
	}
}

func near(a, b color.Color) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	far := func(x, y uint32) bool { return max(x, y)-min(x, y) > 0x2800 }
	return !far(ar, br) && !far(ag, bg) && !far(ab, bb)
}

func TestOrientationOfDamagedData(t *testing.T) {
	good := tiff(binary.LittleEndian, 6, canary)
	with := func(at int, b ...byte) []byte {
		return append(append(bytes.Clone(good[:at]), b...), good[at+len(b):]...)
	}
	const entry = 8 + 2 + 2*12 // the third of the first directory
	if orientation(good) != 6 || orientation([]byte(exif(6))) != 6 {
		t.Fatal("the fixture is not read")
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "cut in the header": good[:7], "cut in the directory": good[:entry+11], "no byte order": with(0, 'X'),
		"directory beyond the end": with(4, 0xff, 0xff, 0xff, 0xff), "other type": with(entry+2, 4), "two values": with(entry+4, 2),
		"nought": with(entry+8, 0), "nine": with(entry+8, 9), "in the second directory only": with(8, 0, 0),
	} {
		if o := orientation(data); o != 1 {
			t.Errorf("%s: %d", name, o)
		}
	}
	for _, data := range []string{"", "\xff\xd8", "\xff\xd8\xff\xe1\x00\x00", "\xff\xd8\xff\xe1\xff\xff", "\xff\xd8\xff\xff\xff\xda\x00\x08Exif\x00\x00"} {
		if found := jpegEXIF([]byte(data)); found != nil {
			t.Errorf("%q: found %q", data, found)
		}
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add(tiff(binary.LittleEndian, 6, canary))
	f.Add(tiff(binary.BigEndian, 8, canary))
	f.Add(withSegments(asJPEG(corners(8, 8)), segment(0xe1, exif(3))))
	f.Add(withChunks(asPNG(corners(8, 8)), chunk("eXIf", exif(3)[6:])))
	f.Add(riff(vp8x(1, 1, 8), lossy, webpChunk("EXIF", exif(3))))
	f.Fuzz(func(t *testing.T, data []byte) {
		inRIFF, _ := riffChunk(data, "EXIF")
		for _, exif := range [][]byte{data, jpegEXIF(data), pngEXIF(data), inRIFF} {
			if o := orientation(exif); o < 1 || o > 8 {
				t.Errorf("orientation %d", o)
			}
		}
	})
}
