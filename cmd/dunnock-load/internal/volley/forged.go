package volley

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Forger renders requests that nobody signed, as fast as a flood needs them. It is for one goroutine.
type Forger struct {
	host string // of the node
	rnd  *rand.ChaCha8
}

// NewForger makes a forger of requests to a host; a seed makes its signatures others than those of another seed.
func NewForger(host string, seed uint64) *Forger {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &Forger{host, rand.NewChaCha8(key)}
}

// Post appends a POST of an activity whose signature is noise in the right form: digest, date and everything else that can
// be checked before the key is needed are as they should be.
func (f *Forger) Post(to []byte, path, keyID string, body string) []byte {
	var signature [256]byte
	f.rnd.Read(signature[:])
	signature[0] = 0 // else it may be larger than the key's modulus, which is noticed at once
	digest := sha256.Sum256([]byte(body))
	b := bytes.NewBuffer(to)
	fmt.Fprintf(b, "POST %s HTTP/1.1\r\nHost: %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n", path, f.host,
		time.Now().UTC().Format(http.TimeFormat), activityType, len(body))
	fmt.Fprintf(b, "Digest: SHA-256=%s\r\n", base64.StdEncoding.EncodeToString(digest[:]))
	fmt.Fprintf(b, "Signature: keyId=\"%s\",algorithm=\"rsa-sha256\",headers=\"(request-target) host date digest\",signature=\"%s\"\r\n\r\n",
		keyID, base64.StdEncoding.EncodeToString(signature[:]))
	b.WriteString(body)
	return b.Bytes()
}

// Unsigned appends a POST of an activity without a signature.
func (f *Forger) Unsigned(to []byte, path, body string) []byte {
	to = fmt.Appendf(to, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, f.host, activityType, len(body))
	return append(to, body...)
}

// maxBody is the size of an activity that is taken, in bytes.
const maxBody = 1 << 20

// fillers are what the objects of large activities are made of: each costs whoever reads it in its own way.
var fillers = []string{
	`{"":0}`, // many objects
	strings.Repeat("[", 24) + strings.Repeat("]", 24), // deep ones
	`0`, // many values
	`"` + strings.Repeat(`\u00e9`, 1000) + `"`, // long texts with escapes
	"keys", // many names in one object
	`"` + strings.Repeat("x", maxBody*15/16) + `"`, // one text
}

// Large is the nth activity of an actor that is as large as it may be and says nothing.
func Large(actor string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":"%s/large/%d","type":"Create","actor":"%[1]s","object":{"type":"Note","tag":[`, actor, n)
	filler := fillers[n%len(fillers)]
	const end = `]}}`
	if filler == "keys" {
		b.WriteString(`{"k":0`)
		for i := 0; b.Len() < maxBody-32; i++ {
			fmt.Fprintf(&b, `,"%x":0`, i)
		}
		b.WriteString(`}` + end)
		return b.String()
	}
	b.WriteString(filler)
	for b.Len()+len(filler)+1+len(end) <= maxBody {
		b.WriteString("," + filler)
	}
	b.WriteString(end)
	return b.String()
}

// junk are requests that mean nothing.
var junk = []string{
	"POST /users/owner/inbox HTTP/1.1\r\nHost: %s\r\nContent-Type: application/activity+json\r\nContent-Length: 12\r\n\r\n{\"type\": \"Cr",
	"POST /inbox HTTP/1.1\r\nHost: %s\r\nContent-Type: text/html\r\nContent-Length: 200\r\n\r\n" + strings.Repeat("junk ", 40),
	"GET /wp-login.php?%%00=1 HTTP/1.1\r\nHost: %s\r\nUser-Agent: junk\r\n\r\n",
	"POST /inbox HTTP/1.1\r\nHost: %s\r\nContent-Type: application/activity+json\r\nContent-Length: 2\r\n\r\n{}",
	"DELETE /users/owner HTTP/1.1\r\nHost: %s\r\nSignature: junk\r\n\r\n",
}

// Junk appends the nth request that means nothing.
func (f *Forger) Junk(to []byte, n int) []byte {
	return fmt.Appendf(to, junk[n%len(junk)], f.host)
}
