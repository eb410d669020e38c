package bare

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	m.Run()
}

func TestRun(t *testing.T) {
	var came atomic.Int32
	sum := sha256.Sum256([]byte("hello"))
	digest := "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || string(body) != "hello" || r.Header.Get("Digest") != digest ||
			len(r.Header.Get("Signature")) < base64.StdEncoding.EncodedLen(256) {
			t.Errorf("%s %q %v %v", r.Method, body, r.Header, err)
		}
		came.Add(1)
		if r.URL.Path == "/full" {
			w.WriteHeader(http.StatusInsufficientStorage)
		}
	}))
	defer server.Close()
	task := Task{Body: []byte("hello"), Workers: 3}
	for range 20 {
		task.Inboxes = append(task.Inboxes, server.URL+"/inbox")
	}
	cpu, err := Run(t.Context(), task)
	if err != nil || came.Load() != 20 || cpu < 2*time.Millisecond || cpu > time.Minute {
		t.Errorf("%d deliveries in %s: %v", came.Load(), cpu, err)
	}
	if _, err := Run(t.Context(), Task{Inboxes: []string{server.URL + "/full"}, Body: task.Body}); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("a delivery that was refused: %v", err)
	}
}
