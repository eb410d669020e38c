package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/gif"
	"slices"
)

// bare demands that a file consists of what its pixels need, and ends where they end.
func bare(r Result) error {
	switch r.MIME {
	case "image/jpeg":
		return bareJPEG(r.Bytes)
	case "image/png":
		return barePNG(r.Bytes)
	case "image/gif":
		return bareGIF(r.Bytes)
	}
	return fmt.Errorf("type %q", r.MIME)
}

func bareJPEG(b []byte) error {
	const soi, eoi, sof0, dht, dqt, sos = 0xd8, 0xd9, 0xc0, 0xc4, 0xdb, 0xda
	if len(b) < 4 || b[1] != soi {
		return fmt.Errorf("no start of image")
	}
	for b = b[2:]; ; {
		if b[0] != 0xff || !slices.Contains([]byte{sof0, dht, dqt, sos}, b[1]) {
			return fmt.Errorf("segment %x", b[:2])
		}
		last := b[1] == sos
		if b = b[2+int(binary.BigEndian.Uint16(b[2:])):]; last {
			break
		}
	}
	for i := 0; i+1 < len(b); i++ {
		if b[i] == 0xff && b[i+1] != 0 {
			if b[i+1] != eoi || i+2 != len(b) {
				return fmt.Errorf("marker %x, %d bytes before the end", b[i+1], len(b)-i)
			}
			return nil
		}
	}
	return fmt.Errorf("no end of image")
}

func barePNG(b []byte) error {
	for b = b[8:]; len(b) > 0; {
		name := string(b[4:8])
		if !slices.Contains([]string{"IHDR", "IDAT", "IEND"}, name) {
			return fmt.Errorf("chunk %s", name)
		}
		b = b[12+binary.BigEndian.Uint32(b):]
		if name == "IEND" && len(b) > 0 {
			return fmt.Errorf("%d bytes after the end", len(b))
		}
	}
	return nil
}

func bareGIF(b []byte) error {
	g, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for rest := b[13+tableSize(b[10]):]; ; {
		switch {
		case rest[0] == 0x3b:
			if len(rest) > 1 {
				return fmt.Errorf("%d bytes after the end", len(rest)-1)
			}
			return nil
		case rest[0] == 0x2c:
			rest = skipBlocks(rest[11+tableSize(rest[9]):])
		case rest[1] == 0xf9:
			rest = skipBlocks(rest[2:])
		case rest[1] == 0xff && string(rest[3:14]) == "NETSCAPE2.0" && len(g.Image) > 1:
			rest = skipBlocks(rest[2:])
		default:
			return fmt.Errorf("extension %x", rest[1])
		}
	}
}
