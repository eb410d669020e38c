package media

import (
	"image"
	"image/draw"

	hash "github.com/bbrks/go-blurhash"
	scale "golang.org/x/image/draw"
)

// blurhash is the picture in a few colours, computed on a small copy on white, with four by three components or the
// reverse for what is higher than wide.
func blurhash(img image.Image) (string, error) {
	small := image.NewRGBA(image.Rect(0, 0, 64, 64))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	scale.ApproxBiLinear.Scale(small, small.Bounds(), img, img.Bounds(), scale.Over, nil)
	if size := img.Bounds().Size(); size.Y > size.X {
		return hash.Encode(3, 4, small)
	}
	return hash.Encode(4, 3, small)
}
