package httpsig

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmJob is one piece of work for testdata/httpsig/npm/peer.mjs, npmResult its answer.
type npmJob struct {
	Library string            `json:"library"`
	Scheme  string            `json:"scheme"`
	Do      string            `json:"do"`
	Hidden  bool              `json:"hidden"` // PeerTube's: hs2019 with (created) and (expires)
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	KeyID   string            `json:"keyId"`
	Key     string            `json:"key"`
	Now     int64             `json:"now"`
}

type npmResult struct {
	Headers map[string]string
	KeyID   string
	Error   string
}

// runNPM has the peer do the jobs. Without its packages the test is skipped, or fails where the peers are required.
func runNPM(t *testing.T, jobs []npmJob) []npmResult {
	t.Helper()
	need := func(missing string) {
		t.Helper()
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir := filepath.Join(testdata, "npm")
	node, err := exec.LookPath("node")
	if err != nil {
		need("needs Node 20")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		need("needs: npm ci --prefix testdata/httpsig/npm")
	}
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "peer.mjs")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("peer.mjs: %v\n%s", err, stderr.String())
	}
	var results []npmResult
	if err := json.Unmarshal(output, &results); err != nil || len(results) != len(jobs) {
		t.Fatalf("peer.mjs: %d results, %v", len(results), err)
	}
	return results
}

// npmCases are what both directions go through.
func npmCases() (cases []npmJob) {
	for _, library := range []struct{ name, scheme string }{
		{"peertube", "cavage"}, {"misskey", "cavage"}, {"misskey", "rfc9421"},
	} {
		for _, request := range []struct{ method, url, body string }{
			{"GET", "https://social.example/users/owl", ""},
			{"GET", "https://social.example/users/owl/outbox?page=true&max=%2F1", ""},
			{"POST", "https://social.example/users/owl/inbox", testBody},
		} {
			cases = append(cases, npmJob{
				Library: library.name, Scheme: library.scheme, Method: request.method, URL: request.url, Body: request.body,
				KeyID: testKeyID,
			})
		}
	}
	return cases
}

func (j npmJob) name() string {
	_, target, _ := strings.Cut(strings.TrimPrefix(j.URL, "https://"), "/")
	name := j.Library + "/" + j.Scheme + "/" + j.Method + "/" + target
	if j.Hidden {
		name += "/created"
	}
	return name
}

func (j npmJob) bytes() []byte {
	if j.Body == "" {
		return nil
	}
	return []byte(j.Body)
}

// TestNPMSigns has requests signed by the libraries of PeerTube and Misskey, and verifies them.
func TestNPMSigns(t *testing.T) {
	now := time.Now()
	private := func() string {
		der, err := x509.MarshalPKCS8PrivateKey(rsaKey())
		return pemOf(t, "PRIVATE KEY", der, err)
	}()
	jobs := npmCases()
	jobs = append(jobs, npmJob{Library: "peertube", Scheme: "cavage", Method: "POST", KeyID: testKeyID, Hidden: true,
		URL: "https://social.example/users/owl/inbox", Body: testBody})
	for i := range jobs {
		jobs[i].Do, jobs[i].Key, jobs[i].Now = "sign", private, now.Unix()
		jobs[i].Headers = map[string]string{
			"Host": "social.example", "Date": now.UTC().Format(http.TimeFormat), "Accept": "application/activity+json",
		}
	}
	for i, result := range runNPM(t, jobs) {
		t.Run(jobs[i].name(), func(t *testing.T) {
			if result.Error != "" {
				t.Fatal(result.Error)
			}
			req := newRequest(t, jobs[i].Method, jobs[i].URL, jobs[i].bytes())
			for name, value := range result.Headers {
				if name != "host" {
					req.Header.Set(name, value)
				}
			}
			o := testOptions()
			o.Now = time.Now()
			s, err := Parse(arrive(req), jobs[i].bytes(), o)
			if err != nil {
				t.Fatalf("%v\n%v", err, req.Header)
			}
			if s.KeyID != testKeyID || s.Scheme.String() != jobs[i].Scheme {
				t.Errorf("got %+v", s)
			}
			if err := s.Verify(&rsaKey().PublicKey); err != nil {
				t.Errorf("%v\n%v", err, req.Header)
			}
			if s.Verify(&otherKey().PublicKey) == nil {
				t.Error("verifies with another key")
			}
		})
	}
}

// TestNPMVerifies has requests that we signed verified by the libraries of PeerTube and Misskey, and the same requests
// refused once a signature of another request is on them.
func TestNPMVerifies(t *testing.T) {
	public, err := MarshalPublicKey(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []npmJob
	for _, job := range npmCases() {
		scheme := Cavage
		if job.Scheme == "rfc9421" {
			scheme = RFC9421
		}
		for _, path := range []string{"", "/elsewhere"} {
			req := newRequest(t, job.Method, job.URL, job.bytes())
			req.URL.Path += path
			if err := Sign(req, job.bytes(), Key{testKeyID, rsaKey()}, scheme, time.Now()); err != nil {
				t.Fatal(err)
			}
			job.Do, job.Key, job.Headers = "verify", public, map[string]string{"Host": "social.example"}
			for name := range req.Header {
				job.Headers[name] = req.Header.Get(name)
			}
			jobs = append(jobs, job)
		}
	}
	for i, result := range runNPM(t, jobs) {
		t.Run(jobs[i].name(), func(t *testing.T) {
			if forged := i%2 == 1; forged != (result.Error == "Error: signature") || !forged && result.Error != "" {
				t.Errorf("forged %t: %s", forged, result.Error)
			}
			if result.Error == "" && result.KeyID != testKeyID {
				t.Errorf("key id %q", result.KeyID)
			}
		})
	}
}
