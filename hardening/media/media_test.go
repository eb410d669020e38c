package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"testing"

	hash "github.com/bbrks/go-blurhash"
)

const canary = "c4n4ry"

// xmp is metadata as an editor writes it.
const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:CreatorTool="` + canary + `-xmp"/></x:xmpmeta>`

func exif(orientation uint16) string {
	return "Exif\x00\x00" + string(tiff(binary.LittleEndian, orientation, canary))
}

// laden are files with metadata wherever their formats have room for it.
func laden() map[string][]byte {
	two := func() *gif.GIF {
		palette := color.Palette{color.RGBA{}, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{'c', '4', 'n', 255}}
		g := &gif.GIF{LoopCount: 3, Config: image.Config{Width: 6, Height: 4, ColorModel: palette}}
		for i := range 2 {
			frame := image.NewPaletted(image.Rect(i, i, 6, 4), palette)
			for j := range frame.Pix {
				frame.Pix[j] = uint8(j % 3)
			}
			g.Image, g.Delay, g.Disposal = append(g.Image, frame), append(g.Delay, 7+i), append(g.Disposal, gif.DisposalBackground)
		}
		return g
	}()
	// Adobe writes XMP as it is, not in blocks: a magic trailer leads every reader of blocks to the same end.
	magic := "\x01"
	for i := 255; i >= 0; i-- {
		magic += string([]byte{byte(i)})
	}
	bare := asGIF(two)
	start := 13 + tableSize(bare[10])
	animated := []byte(string(bare[:start]) + "\x21\xfe\x0e" + canary + "-comment\x00" +
		"\x21\xff\x0bXMP DataXMP" + xmp + magic + "\x00" + "\x21\xff\x0bICCRGBG1012\x06" + canary + "\x00" +
		string(bare[start:]) + canary + "-trailing")
	return map[string][]byte{
		"JPEG": append(withSegments(asJPEG(corners(40, 30)),
			segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"), segment(0xe1, exif(1)),
			segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+xmp), segment(0xe1, "http://ns.adobe.com/xmp/extension/\x00"+canary),
			segment(0xe2, "ICC_PROFILE\x00\x01\x01"+canary), segment(0xe2, "MPF\x00"+canary),
			segment(0xeb, "JP\x00\x01jumb"+canary), segment(0xed, "Photoshop 3.0\x008BIM\x04\x04"+canary+"-iptc"),
			segment(0xef, canary), segment(0xfe, canary+"-comment")), canary+"-motion-photo"...),
		"PNG": append(withChunks(asPNG(corners(40, 30)), chunk("iCCP", canary+"\x00\x00"), chunk("pHYs", "\x00\x00\x0b\x13\x00\x00\x0b\x13\x01"),
			chunk("tIME", "\x07\xea\x03\x01\x0c\x1b\x0b"), chunk("tEXt", "Author\x00"+canary), chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmp),
			chunk("eXIf", exif(1)[6:]), chunk("caBX", canary), chunk("prVt", canary)), canary+"-trailing"...),
		"GIF":           animated,
		"WebP":          riff(vp8x(40, 30, 0x2c), webpChunk("ICCP", canary), lossless(40, 30, 1, 2, 3, 255), webpChunk("EXIF", exif(1)), webpChunk("XMP ", xmp)),
		"WebP, lossy":   riff(vp8x(1, 1, 0x2c), lossy, webpChunk("EXIF", exif(1)), webpChunk("XMP ", xmp)),
		"WebP, trailed": append(riff(lossless(40, 30, 1, 2, 3, 255)), canary...),
	}
}

func TestNothingButPixels(t *testing.T) {
	want := map[string]string{"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WebP": "image/png",
		"WebP, lossy": "image/jpeg", "WebP, trailed": "image/png"}
	for name, file := range laden() {
		if !bytes.Contains(file, []byte(canary)) {
			t.Fatalf("%s: the fixture holds no canary", name)
		}
		r, err := Clean(bytes.NewReader(file), 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.MIME != want[name] {
			t.Errorf("%s came out as %s", name, r.MIME)
		}
		if err := bare(r); err != nil || bytes.Contains(bytes.ToLower(r.Bytes), []byte("c4n")) {
			t.Errorf("%s: something is left: %v\n%q", name, err, r.Bytes)
		}
		again, err := Clean(bytes.NewReader(r.Bytes), 0)
		if err != nil || again.Blurhash != r.Blurhash && r.MIME != "image/jpeg" || again.Width != r.Width || again.Height != r.Height {
			t.Errorf("%s: a second time: %v, %v", name, err, again.Blurhash)
		}
	}
}

func TestAnimationIsKept(t *testing.T) {
	file := laden()["GIF"]
	r, err := Clean(bytes.NewReader(file), 0)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := gif.DecodeAll(bytes.NewReader(file))
	after, err := gif.DecodeAll(bytes.NewReader(r.Bytes))
	if err != nil || r.Width != 6 || r.Height != 4 {
		t.Fatal(err, r.Width, r.Height)
	}
	if fmt.Sprint(after.Delay, after.LoopCount, after.Disposal) != fmt.Sprint(before.Delay, before.LoopCount, before.Disposal) {
		t.Errorf("timing %v %v %v", after.Delay, after.LoopCount, after.Disposal)
	}
	for i, frame := range before.Image {
		if frame.Bounds() != after.Image[i].Bounds() {
			t.Fatalf("frame %d has moved", i)
		}
		for j := range frame.Pix {
			x, y := j%frame.Stride+frame.Rect.Min.X, j/frame.Stride+frame.Rect.Min.Y
			if a, b := frame.At(x, y), after.Image[i].At(x, y); a != b {
				t.Fatalf("frame %d at %d,%d: %v, was %v", i, x, y, b, a)
			}
		}
	}
}

func TestWhatTransparencyHides(t *testing.T) {
	img := corners(8, 8)
	for i := 0; i < len(img.Pix); i += 8 {
		img.Pix[i+3] = 0 // every second pixel painted over with nothing
	}
	deep := image.NewNRGBA64(img.Rect)
	palette := image.NewPaletted(img.Rect, color.Palette{color.NRGBA{200, 100, 50, 0}, color.NRGBA{1, 2, 3, 128}})
	for i := range palette.Pix {
		palette.Pix[i] = uint8(i % 2)
		deep.Set(i%8, i/8, color.NRGBA64{0xffff, 0x1234, 0, uint16(i % 2 * 0x8000)})
	}
	for name, img := range map[string]image.Image{"8 bits": img, "16 bits": deep, "palette": palette} {
		r, err := Clean(bytes.NewReader(asPNG(img)), 0)
		if err != nil {
			t.Fatal(name, err)
		}
		out, err := png.Decode(bytes.NewReader(r.Bytes))
		if err != nil {
			t.Fatal(name, err)
		}
		clean := out.(*image.NRGBA)
		seen := 0
		for i := 0; i < len(clean.Pix); i += 4 {
			if p := clean.Pix[i : i+4]; p[3] == 0 && (p[0]|p[1]|p[2]) != 0 {
				t.Fatalf("%s: %v can be read under transparency", name, p)
			} else if p[3] != 0 {
				seen++
			}
		}
		if seen != 32 {
			t.Errorf("%s: %d pixels can be seen, want 32", name, seen)
		}
	}
}

func TestBlurhash(t *testing.T) {
	for _, test := range []struct {
		name string
		img  image.Image
		x, y int
	}{
		{"wide", corners(40, 20), 4, 3}, {"high", corners(20, 40), 3, 4}, {"transparent", image.NewNRGBA(image.Rect(0, 0, 9, 9)), 4, 3},
	} {
		r, err := Clean(bytes.NewReader(asPNG(test.img)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if x, y, err := hash.Components(r.Blurhash); err != nil || x != test.x || y != test.y {
			t.Errorf("%s: %q of %d by %d, %v", test.name, r.Blurhash, x, y, err)
		}
		img, err := hash.Decode(r.Blurhash, 32, 32, 1)
		if err != nil {
			t.Fatal(err)
		}
		r0, g0, b0, _ := img.At(0, 0).RGBA()
		if test.name == "transparent" && !near(img.At(16, 16), color.White) || test.name != "transparent" && r0 <= max(g0, b0) {
			t.Errorf("%s: the corner is %v", test.name, img.At(0, 0))
		}
	}
}

// FuzzMeasureGIF holds the count that the bounds are checked by to the decoder's own.
