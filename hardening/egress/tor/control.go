package tor

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Control is a tor daemon's control port.
type Control struct {
	// Address is "host:port", or "unix:" and a path.
	Address string
	// Password is the one that HashedControlPassword is of. Empty: the cookie is used.
	Password string
	// CookieFile is where the cookie is. Empty: where the daemon says.
	CookieFile string
	// Dial reaches Address; it is not used for a unix socket.
	Dial egress.Dial
}

// Status is how far a daemon is connected to the tor network.
type Status struct {
	// Bootstrapped is in percent: at 100 circuits can be built.
	Bootstrapped int
	// Live says that the daemon thinks its network works.
	Live bool
}

var (
	// ErrSignIn says that the control port takes neither the password nor the cookie.
	ErrSignIn = errors.New("tor: the control port refuses to sign in: set the password, or let this user read the cookie")
	errUnix   = errors.New("tor: the control address is neither host:port nor unix:/path")
)

// Validate checks the form of the address and the password, and asks nobody.
func (c Control) Validate() error {
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return errUnix
		}
	} else if host, port, err := net.SplitHostPort(c.Address); err != nil || host == "" || port == "" {
		return errUnix
	} else if c.Dial == nil {
		return errors.New("tor: no way to reach the control port")
	}
	if strings.ContainsAny(c.Password+c.CookieFile, "\r\n\x00") {
		return errors.New("tor: a control character in the password or the cookie's path")
	}
	return nil
}

// Status asks the daemon. An error says that it cannot be asked.
func (c Control) Status(ctx context.Context) (Status, error) {
	s, err := c.open(ctx)
	if err != nil {
		return Status{}, err
	}
	defer s.close()
	var st Status
	err = s.call("GETINFO status/bootstrap-phase network-liveness", func(lines []string) error {
		for _, line := range lines {
			if phase, ok := strings.CutPrefix(line, "status/bootstrap-phase="); ok {
				percent, _ := value(phase, "PROGRESS")
				if st.Bootstrapped, err = strconv.Atoi(percent); err != nil {
					return errForm
				}
			} else if line == "network-liveness=up" {
				st.Live = true
			}
		}
		return nil
	})
	return st, err
}

// session is one signed-in connection to the control port. It ends with its context.
type session struct {
	ctx  context.Context
	conn net.Conn
	r    *bufio.Reader
	stop func() bool
}

func (c Control) open(ctx context.Context) (*session, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var conn net.Conn
	var err error
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		conn, err = egress.DialControl(ctx, path)
	} else {
		conn, err = c.Dial(ctx, "tcp", c.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("tor: control port: %w", err)
	}
	s := &session{ctx: ctx, conn: conn, r: bufio.NewReaderSize(conn, maxLine), stop: context.AfterFunc(ctx, func() { conn.Close() })}
	if err := s.signIn(c); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	s.stop()
	s.conn.Close()
}

// call sends a command and hands the lines of a reply of success to take, which may be nil.
func (s *session) call(command string, take func(lines []string) error) error {
	_, err := s.conn.Write([]byte(command + "\r\n"))
	var a answer
	if err == nil {
		a, err = readReply(s.r)
	}
	switch {
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case err != nil:
		return err
	case a.status != "250":
		return refusal(a.status)
	case take == nil:
		return nil
	}
	return take(a.lines)
}

// refusal is a command that the daemon refuses, with its number.
type refusal string

func (r refusal) Error() string { return "tor: the control port refuses: " + string(r) }

// signIn proves who we are: by the password if there is one, else by the cookie, else, where none is asked for, by nothing.
func (s *session) signIn(c Control) error {
	if c.Password != "" {
		return s.authenticate(quote(c.Password))
	}
	var methods []string
	file := c.CookieFile
	err := s.call("PROTOCOLINFO 1", func(lines []string) error {
		for _, line := range lines {
			if fields, ok := strings.CutPrefix(line, "AUTH "); ok {
				list, _ := value(fields, "METHODS")
				methods = strings.Split(list, ",")
				if told, ok := value(fields, "COOKIEFILE"); ok && file == "" {
					file = told
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case slices.Contains(methods, "NULL"):
		return s.authenticate("")
	case !slices.Contains(methods, "SAFECOOKIE") || file == "":
		return ErrSignIn
	}
	cookie, err := os.ReadFile(file)
	if err != nil || len(cookie) != 32 {
		return ErrSignIn
	}
	return s.byCookie(cookie)
}

// byCookie is control-spec, section 3.24: each side proves to the other that it knows the cookie.
func (s *session) byCookie(cookie []byte) error {
	nonce := make([]byte, 32)
	rand.Read(nonce)
	var hash, theirs []byte
	err := s.call(fmt.Sprintf("AUTHCHALLENGE SAFECOOKIE %x", nonce), func(lines []string) error {
		h, _ := value(lines[0], "SERVERHASH")
		n, _ := value(lines[0], "SERVERNONCE")
		hash, _ = hex.DecodeString(h)
		theirs, _ = hex.DecodeString(n)
		return nil
	})
	if err != nil {
		return err
	}
	proof := func(key string) []byte {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(slices.Concat(cookie, nonce, theirs))
		return mac.Sum(nil)
	}
	if len(theirs) != 32 || !hmac.Equal(hash, proof("Tor safe cookie authentication server-to-controller hash")) {
		return ErrSignIn
	}
	return s.authenticate(hex.EncodeToString(proof("Tor safe cookie authentication controller-to-server hash")))
}

func (s *session) authenticate(with string) error {
	err := s.call(strings.TrimSpace("AUTHENTICATE "+with), nil)
	if r := refusal(""); errors.As(err, &r) {
		return ErrSignIn
	}
	return err
}
