package volley

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// Conn is a connection that is kept open. It is for one goroutine, but for Close.
type Conn struct {
	conn net.Conn
	r    *bufio.Reader
	last bool // the other side closes after this answer
}

func newConn(c net.Conn) *Conn { return &Conn{conn: c, r: bufio.NewReader(c)} }

// Close ends the connection and what is under way on it.
func (c *Conn) Close() error { return c.conn.Close() }

var errClosing = errors.New("the node closes the connection")

// Answer is what is looked at of a response. The zero value is none.
type Answer struct {
	Status int
	Size   int // of the body, in bytes
}

// OK says that the request was taken.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Exchange sends a request and reads the answer to it. After an error the connection is of no use any more; with an answer
// beside it, that was the last one.
func (c *Conn) Exchange(request []byte) (a Answer, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return a, err
	}
	if a, err = c.answer(); err != nil {
		return Answer{}, err
	}
	if c.last {
		err = errClosing
	}
	return a, err
}

// Burst sends n requests in one go, as who does not care for the answers does, and returns how many were answered. After an
// error the connection is of no use any more.
func (c *Conn) Burst(requests []byte, n int) (answered int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(requests); err != nil {
		return 0, err
	}
	for answered < n {
		if _, err := c.answer(); err != nil {
			return answered, err
		}
		answered++
		if c.last {
			return answered, errClosing
		}
	}
	return answered, nil
}

// answer reads a response, of which it keeps the status and the length.
func (c *Conn) answer() (a Answer, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return a, errors.New("not an answer in HTTP")
	}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("not an answer in HTTP: %w", err)
	}
	chunked := false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) { // as net/http spells them
		case "Content-Length":
			if a.Size, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case "Transfer-Encoding":
			chunked = true
		case "Connection":
			c.last = string(value) == "close"
		}
	}
	if chunked {
		a.Size, err = c.chunks()
		return a, err
	}
	_, err = c.r.Discard(a.Size)
	return a, err
}

// chunks reads a body that comes in chunks, to its end.
func (c *Conn) chunks() (size int, err error) {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return size, err
		}
		n, err := strconv.ParseUint(string(bytes.TrimRight(line, "\r\n")), 16, 31)
		if err != nil {
			return size, fmt.Errorf("not a chunk: %w", err)
		}
		if _, err := c.r.Discard(int(n) + len("\r\n")); err != nil || n == 0 {
			return size, err
		}
		size += int(n)
	}
}
