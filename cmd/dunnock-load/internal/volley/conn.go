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

// Exchange sends a request and reads the answer to it, of which it gives the status. After an error the connection is of
// no use any more; with a status beside it, there was an answer all the same.
func (c *Conn) Exchange(request []byte) (status int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	if status, err = c.answer(); err == nil && c.last {
		err = errClosing
	}
	return status, err
}

// answer reads as much of a response as is needed: the status, and how its body ends.
func (c *Conn) answer() (status int, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, errors.New("not an answer in HTTP")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("not an answer in HTTP: %w", err)
	}
	length, chunked := 0, false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) { // as net/http spells them
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case "Transfer-Encoding":
			chunked = true
		case "Connection":
			c.last = string(value) == "close"
		}
	}
	if chunked {
		return status, c.chunks()
	}
	_, err = c.r.Discard(length)
	return status, err
}

// chunks reads a body that comes in chunks, to its end.
func (c *Conn) chunks() error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimRight(line, "\r\n")), 16, 31)
		if err != nil {
			return fmt.Errorf("not a chunk: %w", err)
		}
		if _, err := c.r.Discard(int(n) + len("\r\n")); err != nil || n == 0 {
			return err
		}
	}
}
