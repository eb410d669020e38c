package bare

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
)

// work reads a task, does it, and writes the processor time of that in nanoseconds.
func work(in io.Reader, out io.Writer) error {
	var t Task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("reading the task: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	before, err := gauge.CPU(os.Getpid())
	if err != nil {
		return err
	}
	if err := deliver(t, key); err != nil {
		return err
	}
	after, err := gauge.CPU(os.Getpid())
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(after - before)
}

func deliver(t Task, key *rsa.PrivateKey) error {
	inboxes, client := make(chan string), &http.Client{Transport: &http.Transport{}} // which asks the environment for no proxy
	faults := make([]error, max(t.Workers, 1))
	var working sync.WaitGroup
	for i := range faults {
		working.Go(func() {
			for inbox := range inboxes {
				faults[i] = errors.Join(faults[i], post(client, key, inbox, t.Body))
			}
		})
	}
	for _, inbox := range t.Inboxes {
		inboxes <- inbox
	}
	close(inboxes)
	working.Wait()
	return errors.Join(faults...)
}

// post signs a delivery by draft-cavage-http-signatures-12, sends it and reads the answer.
func post(client *http.Client, key *rsa.PrivateKey, inbox string, body []byte) error {
	r, err := http.NewRequest(http.MethodPost, inbox, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	digest, date := sha256.Sum256(body), time.Now().UTC().Format(http.TimeFormat)
	r.Header.Set("Date", date)
	r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(digest[:]))
	r.Header.Set("Content-Type", "application/activity+json")
	sum := sha256.Sum256(fmt.Appendf(nil, "(request-target): post %s\nhost: %s\ndate: %s\ndigest: %s",
		r.URL.RequestURI(), r.URL.Host, date, r.Header.Get("Digest")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	r.Header.Set("Signature", fmt.Sprintf(`keyId="http://bare.invalid/#key",headers="(request-target) host date digest",signature="%s"`,
		base64.StdEncoding.EncodeToString(signature)))
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("delivering: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return fmt.Errorf("delivering: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("delivering: the answer is %s", answer.Status)
	}
	return nil
}
