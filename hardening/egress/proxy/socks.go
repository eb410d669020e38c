package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// socks speaks SOCKS5. One way of signing in is offered: the password if there is one, so that nobody in between, and no
// proxy, can choose to do without.
type socks struct {
	// credentials are both empty, or neither.
	credentials func(ctx context.Context) (user, password string)
}

const (
	version5   = 5
	noSignIn   = 0
	bySecret   = 2 // RFC 1929
	noneOfThem = 0xff
)

func (s socks) greet(ctx context.Context, conn net.Conn) (net.Conn, error) {
	user, password := s.credentials(ctx)
	method := byte(noSignIn)
	if user != "" {
		method = bySecret
	}
	var answer [2]byte
	if err := exchange(conn, []byte{version5, 1, method}, answer[:]); err != nil {
		return nil, err
	}
	switch {
	case answer[0] != version5:
		return nil, fault("does not speak SOCKS5")
	case answer[1] == noneOfThem && user == "":
		return nil, fault("asks for user and password")
	case answer[1] == noneOfThem:
		return nil, fault("takes no user and password")
	case answer[1] != method:
		return nil, fault("signs in as it was not offered")
	case method == noSignIn:
		return conn, nil
	}
	message := append([]byte{1, byte(len(user))}, user...)
	message = append(append(message, byte(len(password))), password...)
	if err := exchange(conn, message, answer[:]); err != nil {
		return nil, err
	}
	if answer != [2]byte{1, 0} {
		return nil, fault("refuses user and password")
	}
	return conn, nil
}

// probe needs no more than the greeting.
func (socks) probe(net.Conn) error { return nil }

func (socks) connect(conn net.Conn, target string) (net.Conn, error) {
	message, err := request(target)
	if err != nil {
		return nil, err
	}
	var answer [4]byte
	if err := exchange(conn, message, answer[:]); err != nil {
		return nil, err
	}
	if answer[0] != version5 {
		return nil, fault("does not speak SOCKS5")
	}
	if answer[1] != 0 {
		return nil, reply(answer[1])
	}
	// The address that it connected from, which is read to the byte: what follows is the target's.
	length := map[byte]int{1: 4, 4: 16}[answer[3]]
	if answer[3] == 3 {
		var n [1]byte
		if _, err := io.ReadFull(conn, n[:]); err != nil {
			return nil, err
		}
		length = int(n[0])
	} else if length == 0 {
		return nil, fault("does not speak SOCKS5")
	}
	_, err = io.CopyN(io.Discard, conn, int64(length)+2)
	return conn, err
}

// request is the message that asks for "host:port".
func request(target string) ([]byte, error) {
	host, service, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, err
	}
	message := []byte{version5, 1, 0}
	if addr, err := netip.ParseAddr(host); err != nil {
		if len(host) > 255 {
			return nil, errors.New("name too long")
		}
		message = append(append(message, 3, byte(len(host))), host...)
	} else if addr = addr.Unmap(); addr.Is4() {
		message = append(append(message, 1), addr.AsSlice()...)
	} else {
		message = append(append(message, 4), addr.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(message, uint16(port)), nil
}

func exchange(conn net.Conn, message, answer []byte) error {
	if _, err := conn.Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, answer)
	return err
}

// reply is why a proxy did not reach a target (RFC 1928 section 6; tor's onion failures lie at 0xf0 and beyond). Whatever its
// number, it is about the target.
type reply byte

func (r reply) Error() string {
	return fmt.Sprintf("proxy could not reach the target: reply %d", byte(r))
}

// Is says that a reply can be a connection refused.
func (r reply) Is(target error) bool { return r == 5 && target == syscall.ECONNREFUSED }
