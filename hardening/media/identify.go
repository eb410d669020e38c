package media

import (
	"bytes"
	"net/http"
	"strings"
)

// identify tells by its first bytes what a file is, in words for people; decoder is nil for what is not taken.
func identify(data []byte) (found string, decoder func([]byte) (picture, error)) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "a JPEG picture", decodeJPEG
	case bytes.HasPrefix(data, []byte(pngSignature)):
		return "a PNG picture", decodePNG
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return "a GIF picture", decodeGIF
	case bytes.HasPrefix(data, []byte("RIFF")) && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return "a WebP picture", decodeWebP
	}
	return other(data), nil
}

// prefixes are formats that people try, and by which they start.
var prefixes = []struct{ prefix, found string }{
	{"%PDF-", "a PDF document"},
	{"II*\x00", "a TIFF or raw picture"}, {"MM\x00*", "a TIFF or raw picture"},
	{"\xff\x0a", "a JPEG XL picture"}, {"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"},
	{"BM", "a BMP picture"}, {"8BPS", "a Photoshop file"}, {"\x00\x00\x01\x00", "an icon"},
	{"\x1aE\xdf\xa3", "a WebM or Matroska video"}, {"OggS", "an Ogg sound or video"},
	{"ID3", "an MP3 sound"}, {"\xff\xfb", "an MP3 sound"}, {"fLaC", "a FLAC sound"}, {"FLV\x01", "a Flash video"},
	{"PK\x03\x04", "a ZIP archive or office document"},
}

// brands are the kinds of file that share the container of MP4, by their major brand.
var brands = map[string]string{
	"heic": "a HEIC picture", "heix": "a HEIC picture", "heim": "a HEIC picture", "mif1": "a HEIC picture",
	"msf1": "a HEIC picture", "avif": "an AVIF picture", "avis": "an AVIF picture", "qt  ": "a QuickTime video",
	"M4A ": "an M4A sound",
}

func other(data []byte) string {
	if len(data) == 0 {
		return "an empty file"
	}
	for _, p := range prefixes {
		if bytes.HasPrefix(data, []byte(p.prefix)) {
			return p.found
		}
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		if found, ok := brands[string(data[8:12])]; ok {
			return found
		}
		return "an MP4 video or sound"
	}
	start := strings.ToLower(string(data[:min(len(data), 1024)]))
	mime := http.DetectContentType(data)
	switch {
	case strings.Contains(start, "<svg"):
		return "an SVG drawing"
	case strings.HasPrefix(mime, "text/html"):
		return "an HTML page"
	case strings.HasPrefix(mime, "text/xml"):
		return "an XML document"
	case strings.HasPrefix(mime, "text/"):
		return "text"
	case strings.HasPrefix(mime, "video/"):
		return "a video"
	case strings.HasPrefix(mime, "audio/"):
		return "a sound"
	}
	return "a file of an unknown format"
}
