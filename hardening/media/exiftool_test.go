package media

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExiftool has another reader of metadata look: it must find the fixtures' and nothing in what comes out but what the
// pixels need.
func TestExiftool(t *testing.T) {
	if _, err := exec.LookPath("exiftool"); err != nil {
		const missing = "exiftool is not installed (Debian: libimage-exiftool-perl)"
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	tags := func(file []byte) map[string]any {
		name := filepath.Join(t.TempDir(), "picture")
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("exiftool", "-json", "-G1", "-a", "-u", "-ee", name).Output()
		var found []map[string]any
		if jsonErr := json.Unmarshal(out, &found); jsonErr != nil || len(found) != 1 {
			t.Fatal(err, jsonErr, string(out))
		}
		return found[0]
	}
	needed := strings.Fields(`PNG:ImageWidth PNG:ImageHeight PNG:BitDepth PNG:ColorType PNG:Compression PNG:Filter PNG:Interlace
		GIF:GIFVersion GIF:ImageWidth GIF:ImageHeight GIF:HasColorMap GIF:ColorResolutionDepth GIF:BitsPerPixel
		GIF:BackgroundColor GIF:AnimationIterations GIF:FrameCount GIF:Duration GIF:TransparentColor`)
	for name, file := range laden() {
		before := tags(file)
		if text, _ := json.Marshal(before); name != "WebP, trailed" && !bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s: exiftool finds no canary in the fixture: %s", name, text)
		}
		if _, ok := before["GPS:GPSLatitudeRef"]; (name == "JPEG" || name == "PNG") && !ok {
			t.Errorf("%s: exiftool finds no position in the fixture", name)
		}
		r, err := Clean(bytes.NewReader(file), 0)
		if err != nil {
			t.Fatal(name, err)
		}
		for tag, value := range tags(r.Bytes) {
			group, _, _ := strings.Cut(tag, ":")
			if !slices.Contains(needed, tag) && !slices.Contains([]string{"SourceFile", "ExifTool", "System", "File", "Composite"}, group) ||
				strings.Contains(tag, "Warning") {
				t.Errorf("%s: exiftool finds %s: %v", name, tag, value)
			}
		}
	}
}
