package volley

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

const activityType = "application/activity+json"

// Post renders a signed POST of an activity.
func Post(url string, body []byte, key httpsig.Key) ([]byte, error) {
	return render(http.MethodPost, url, body, key, time.Now())
}

// Get renders a signed GET of a document, as if signed at a time.
func Get(url string, key httpsig.Key, at time.Time) ([]byte, error) {
	return render(http.MethodGet, url, nil, key, at)
}

func render(method, url string, body []byte, key httpsig.Key, at time.Time) ([]byte, error) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return nil, err
	}
	if err := httpsig.Sign(req, body, key, httpsig.Cavage, at); err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", activityType)
		req.Header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	req.Header.Set("Accept", activityType)
	req.Header.Set("User-Agent", "dunnock-load")
	return Raw(req, body), nil
}

// Raw renders a request as HTTP/1.1, with the headers that it has and Host.
func Raw(req *http.Request, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.URL.RequestURI(), req.URL.Host)
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", name, strings.Join(req.Header[name], ", "))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// Make makes n things on all processors: requests, of which the signature is most of the work.
func Make[T any](n int, one func(i int) (T, error)) ([]T, error) {
	list := make([]T, n)
	workers := runtime.GOMAXPROCS(0)
	faults := make([]error, workers)
	var making sync.WaitGroup
	for w := range workers {
		making.Go(func() {
			for i := w; i < n && faults[w] == nil; i += workers {
				list[i], faults[w] = one(i)
			}
		})
	}
	making.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, fmt.Errorf("making requests: %w", err)
		}
	}
	return list, nil
}
