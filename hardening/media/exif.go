package media

import (
	"bytes"
	"encoding/binary"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// orientation reads the one thing in EXIF data that belongs to the picture: TIFF 6.0, tag 274, in the first directory. It
// is 1, upright, for data that is missing, damaged or silent.
func orientation(exif []byte) int {
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	directory := uint64(order.Uint32(exif[4:]))
	if directory+2 > uint64(len(exif)) {
		return 1
	}
	count, entries := int(order.Uint16(exif[directory:])), exif[directory+2:]
	for ; count > 0 && len(entries) >= 12; count-- {
		const tag, short = 274, 3
		if order.Uint16(entries) == tag {
			value := int(order.Uint16(entries[8:]))
			if order.Uint16(entries[2:]) != short || order.Uint32(entries[4:]) != 1 || value < 1 || value > 8 {
				return 1
			}
			return value
		}
		entries = entries[12:]
	}
	return 1
}

// jpegEXIF finds the first APP1 segment with EXIF data, before the pixels (ITU T.81, annex B); nil if there is none.
func jpegEXIF(data []byte) []byte {
	const marker, app1, sos, fill = 0xff, 0xe1, 0xda, 0xff
	if len(data) < 2 {
		return nil
	}
	data = data[2:] // start of image
	for len(data) >= 4 && data[0] == marker {
		if data[1] == fill {
			data = data[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(data[2:]))
		if data[1] == sos || length < 2 || 2+length > len(data) {
			return nil
		}
		if segment := data[4 : 2+length]; data[1] == app1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return segment
		}
		data = data[2+length:]
	}
	return nil
}

// pngEXIF finds the eXIf chunk (PNG, third edition, 11.3.3.6); nil if there is none.
func pngEXIF(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte(pngSignature))
	for len(data) >= 12 {
		length := uint64(binary.BigEndian.Uint32(data))
		if length+12 > uint64(len(data)) {
			return nil
		}
		if string(data[4:8]) == "eXIf" {
			return data[8 : 8+length]
		}
		data = data[length+12:]
	}
	return nil
}

// riffChunk finds the first chunk of that name in a RIFF file (RFC 9649, section 2).
func riffChunk(data []byte, name string) ([]byte, bool) {
	if len(data) < 12 {
		return nil, false
	}
	for data = data[12:]; len(data) >= 8; {
		length := uint64(binary.LittleEndian.Uint32(data[4:]))
		if length+8 > uint64(len(data)) {
			return nil, false
		}
		if string(data[:4]) == name {
			return data[8 : 8+length], true
		}
		data = data[min(length+8+length%2, uint64(len(data))):]
	}
	return nil, false
}
