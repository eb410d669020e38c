// Package dns is the messages by which names are looked up (RFC 1035): questions for addresses and what is answered to them.
// Who is asked, and over what, is for its callers.
//
// It has no I/O and decides nothing about the addresses: whether they may be dialled is for the rules of package egress.
package dns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// MaxAddrs is how many addresses of one answer are read.
const MaxAddrs = 16

var (
	// ErrOther says that a message is no answer to the question.
	ErrOther = errors.New("dns: not an answer to the question")
	// ErrCut says that an answer was cut, for want of room in a datagram.
	ErrCut = errors.New("dns: an answer that was cut")
	// ErrFailed says that the resolver cannot tell, mostly because the domain's own servers do not answer.
	ErrFailed = errors.New("dns: the resolver cannot tell")
	// ErrMissing says that there is no such name, or no address of it.
	ErrMissing error = &net.DNSError{Err: "no such name", IsNotFound: true}
)

const optPadding = 12 // RFC 7830 section 3

// Question makes the message that asks for the records of a canonical name, of one kind (A, AAAA, [TypeCAA]). With a block it is
// padded to a multiple of so many bytes (RFC 8467 section 4.1), so that its length tells the path little.
func Question(name string, kind dnsmessage.Type, id uint16, block int) ([]byte, error) {
	rooted, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, errors.New("dns: a name that is too long")
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: rooted, Type: kind, Class: dnsmessage.ClassINET}},
	}
	if block == 0 {
		return m.Pack()
	}
	var opt dnsmessage.Resource
	if err := opt.Header.SetEDNS0(4096, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	pad := func(n int) ([]byte, error) {
		opt.Body = &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optPadding, Data: make([]byte, n)}}}
		m.Additionals = []dnsmessage.Resource{opt}
		return m.Pack()
	}
	short, err := pad(0)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	return pad((block - len(short)%block) % block)
}

// answers begins to read what answers a question.
func answers(message []byte, id uint16, name string, kind dnsmessage.Type) (*dnsmessage.Parser, error) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response || h.ID != id {
		return nil, ErrOther
	}
	q, err := p.Question()
	if err != nil || q.Type != kind || q.Class != dnsmessage.ClassINET || !strings.EqualFold(q.Name.String(), name+".") {
		return nil, ErrOther
	}
	switch {
	case h.Truncated:
		return nil, ErrCut
	case h.RCode == dnsmessage.RCodeNameError:
		return nil, ErrMissing
	case h.RCode != dnsmessage.RCodeSuccess || p.SkipAllQuestions() != nil:
		return nil, ErrFailed
	}
	return &p, nil
}

// Answer reads the addresses that a message answers a question with, at most MaxAddrs, and the shortest time to live on the
// way to them. No address and no error: there are none of that kind. Errors: [ErrOther], [ErrCut], [ErrFailed], [ErrMissing];
// they hold nothing of the message.
func Answer(message []byte, id uint16, name string, kind dnsmessage.Type) (addrs []netip.Addr, ttl time.Duration, err error) {
	p, err := answers(message, id, name, kind)
	if err != nil {
		return nil, 0, err
	}
	least := uint32(1<<32 - 1)
	for len(addrs) < MaxAddrs {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		} else if err != nil {
			return nil, 0, ErrFailed
		}
		least = min(least, h.TTL) // of what leads to the addresses as well
		switch {
		case h.Type == dnsmessage.TypeA && kind == h.Type:
			var r dnsmessage.AResource
			r, err = p.AResource()
			addrs = append(addrs, netip.AddrFrom4(r.A))
		case h.Type == dnsmessage.TypeAAAA && kind == h.Type:
			var r dnsmessage.AAAAResource
			r, err = p.AAAAResource()
			addrs = append(addrs, netip.AddrFrom16(r.AAAA))
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, 0, ErrFailed
		}
	}
	return addrs, time.Duration(least) * time.Second, nil
}
