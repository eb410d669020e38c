package tor

import (
	"bufio"
	"strings"
	"testing"
)

// Whatever is sent, a reply is bounded, and what was quoted can be told again.
func FuzzReply(f *testing.F) {
	f.Add("250 OK\r\n")
	f.Add("250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"/a\\\"b\"\r\n250 OK\r\n")
	f.Add("650 STREAM x\r\n250+circuit-status=\r\n1 BUILT\r\n..\r\n.\r\n250 OK\r\n")
	f.Add("250 a=\"b\\")
	f.Fuzz(func(t *testing.T, said string) {
		a, err := readReply(bufio.NewReaderSize(strings.NewReader(said), maxLine))
		if err != nil {
			return
		}
		size := 0
		for _, line := range a.lines {
			size += len(line)
			for _, key := range []string{"METHODS", "COOKIEFILE", "PROGRESS", ""} {
				if v, ok := value(line, key); ok && len(v) > len(line) {
					t.Errorf("%q of %q", v, line)
				}
			}
			if back, rest, ok := unquote(quote(line)); !ok || back != line || rest != "" {
				t.Errorf("%q became %q", line, back)
			}
		}
		if len(a.lines) == 0 || len(a.status) != 3 || a.status[0] == '6' || size > maxReply {
			t.Errorf("%+v", a)
		}
	})
}
