package ingress

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// quiet is where net/http's own messages go. They hold client addresses ("TLS handshake error from …") and at times what
// the client sent; of each, only its kind reaches the log.
type quiet struct{ log *slog.Logger }

var kinds = []struct {
	prefix []byte
	level  slog.Level
	text   string
}{
	{[]byte("http: Accept error"), slog.LevelWarn, "accepting a connection failed"},
	{[]byte("http: TLS handshake error"), slog.LevelDebug, "a TLS handshake failed"},
	{[]byte("http: superfluous"), slog.LevelWarn, "a handler wrote two status lines"},
	{[]byte("http: panic serving"), slog.LevelError, "a connection's goroutine panicked"},
}

func (q quiet) Write(p []byte) (int, error) {
	for _, k := range kinds {
		if bytes.HasPrefix(p, k.prefix) {
			q.log.Log(context.Background(), k.level, k.text)
			return len(p), nil
		}
	}
	q.log.Debug("the HTTP server had a message, withheld")
	return len(p), nil
}

func quietLogger(l *slog.Logger) *log.Logger { return log.New(quiet{l}, "", 0) }
