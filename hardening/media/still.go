package media

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// quality is that of every JPEG that leaves: one for all, so that it says nothing of the software the owner uses.
const quality = 90

// still is a picture of one frame.
type still struct {
	pixels pixels
	lossy  bool // written as JPEG
}

func (s still) first() image.Image { return s.pixels }
func (s still) size() image.Point  { return s.pixels.Bounds().Size() }

func (s still) mime() string {
	if s.lossy {
		return "image/jpeg"
	}
	return "image/png"
}

func (s still) encode(w io.Writer) error {
	if s.lossy {
		return jpeg.Encode(w, s.pixels, &jpeg.Options{Quality: quality})
	}
	return png.Encode(w, s.pixels)
}

func decodeJPEG(data []byte) (picture, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := fits(c.Width, c.Height); err != nil {
		return nil, err
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return still{orient(plain(img), orientation(jpegEXIF(data))), true}, nil
}

func decodePNG(data []byte) (picture, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := fits(c.Width, c.Height); err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return still{orient(plain(img), orientation(pngEXIF(data))), false}, nil
}

// decodeWebP relies on the decoder to refuse a file whose frame is not of the size that its header claims.
func decodeWebP(data []byte) (picture, error) {
	if _, ok := riffChunk(data, "ANIM"); ok {
		return nil, errAnimated
	}
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := fits(c.Width, c.Height); err != nil {
		return nil, err
	}
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	_, lossy := img.(*image.YCbCr)
	exif, _ := riffChunk(data, "EXIF")
	return still{orient(plain(img), orientation(exif)), lossy}, nil
}

// pixels is an image of 8 bits a channel whose memory can be turned: *image.Gray, *image.RGBA (opaque) or *image.NRGBA.
type pixels interface {
	image.Image
	PixOffset(x, y int) int
}

// plain brings any decoded image to one of three kinds, with nothing left in the colours of transparent pixels: an
// observer who looks at those sees what an editor only painted over with nothing.
func plain(img image.Image) pixels {
	b := img.Bounds()
	if gray, ok := img.(*image.Gray); ok {
		return gray
	}
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		opaque := image.NewRGBA(b)
		draw.Draw(opaque, b, img, b.Min, draw.Src)
		return opaque
	}
	seen, ok := img.(*image.NRGBA)
	if !ok {
		seen = image.NewNRGBA(b)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				seen.SetNRGBA(x, y, color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA))
			}
		}
	}
	for i := 0; i+3 < len(seen.Pix); i += 4 {
		if seen.Pix[i+3] == 0 {
			clear(seen.Pix[i : i+4])
		}
	}
	return seen
}
