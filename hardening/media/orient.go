package media

import "image"

// orient turns an image as the EXIF orientation says (1 to 8; TIFF 6.0, tag 274), so that it is upright without it.
func orient(img pixels, orientation int) pixels {
	if orientation <= 1 || orientation > 8 {
		return img
	}
	src := img.Bounds()
	w, h := src.Dx(), src.Dy()
	dst := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		dst = image.Rect(0, 0, h, w)
	}
	var turned pixels
	var from, to []byte
	depth := 4 // bytes a pixel
	switch img := img.(type) {
	case *image.Gray:
		t := image.NewGray(dst)
		turned, from, to, depth = t, img.Pix, t.Pix, 1
	case *image.RGBA:
		t := image.NewRGBA(dst)
		turned, from, to = t, img.Pix, t.Pix
	case *image.NRGBA:
		t := image.NewNRGBA(dst)
		turned, from, to = t, img.Pix, t.Pix
	default:
		return img
	}
	at := 0
	for y := range dst.Dy() {
		for x := range dst.Dx() {
			sx, sy := origin(orientation, x, y, w, h)
			offset := img.PixOffset(src.Min.X+sx, src.Min.Y+sy)
			copy(to[at:at+depth], from[offset:offset+depth])
			at += depth
		}
	}
	return turned
}

// origin is where the pixel that belongs at x, y is stored in an image of w by h.
func origin(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2: // mirrored
		return w - 1 - x, y
	case 3: // upside down
		return w - 1 - x, h - 1 - y
	case 4: // upside down and mirrored
		return x, h - 1 - y
	case 5: // on its side and mirrored
		return y, x
	case 6: // camera turned left: to be turned right
		return y, h - 1 - x
	case 7: // on its other side and mirrored
		return w - 1 - y, h - 1 - x
	case 8: // camera turned right: to be turned left
		return w - 1 - y, x
	}
	return x, y
}
