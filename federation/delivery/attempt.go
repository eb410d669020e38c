package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
	"github.com/dunnock-server/dunnock/storage"
)

// verdict is what became of an attempt.
type verdict uint8

const (
	untried  verdict = iota // nothing was sent: withdrawn in this moment, or left for later
	arrived                 // taken
	withheld                // the policy keeps it here
	hopeless                // it will never be taken
	refused                 // an error that may be about this act or this inbox alone, and may pass
	// From here on no other inbox of the server is tried.
	failing // no answer, or one that says that the server takes nothing now
	held    // nothing left, for a reason of our own
	cut     // ctx ended; it may have arrived
)

// outcome is an attempt and what became of it.
type outcome struct {
	act     *storage.Act
	row     storage.Delivery
	verdict verdict
	reason  string         // for the owner
	status  int            // of the answer; 0: none
	wait    time.Duration  // as the server asked
	scheme  httpsig.Scheme // in which it arrived
	reached bool           // the act may be known there
	untold  bool           // the note that it is known there was made by this attempt, and is wrong
}

// attempt tells one inbox of an act, in the scheme that its server took last if that is known. If the answer may mean
// that the scheme was not understood, it does so once more in the other.
func (q *Queue) attempt(ctx context.Context, known httpsig.Scheme, l *letter, row storage.Delivery) (outcome, error) {
	row.Attempts++
	a := attempt{Queue: q, letter: l, row: &row}
	if a.document == nil {
		return outcome{act: l.Act, row: row, verdict: hopeless, reason: "the stored act cannot be read"}, nil
	}
	var err error
	if a.known, err = q.known(ctx, l, row.Inbox); err != nil {
		return outcome{}, err
	}
	scheme := cmp.Or(known, httpsig.Cavage)
	o := a.tell(ctx, scheme)
	if doubtful(o.status, known) {
		// What refuses both is refused in the first: the other may just as well be unknown there.
		if second := a.tell(ctx, other(scheme)); second.verdict != hopeless {
			second.wait, second.reached = max(o.wait, second.wait), true
			o = second
		}
	}
	switch {
	case errors.Is(a.fault, errEdited):
		l, err := q.letter(ctx, row.ActID)
		if err != nil {
			return outcome{}, err
		}
		row.Attempts--
		return q.attempt(ctx, known, l, row)
	case errors.Is(a.fault, errWithdrawn):
		return outcome{act: l.Act, row: row}, nil
	case a.fault != nil:
		return outcome{act: l.Act, row: row}, a.fault
	}
	o.act, o.row, o.untold = l.Act, row, a.news && !o.reached
	return o, nil
}

// attempt is one that is being made.
type attempt struct {
	*Queue
	*letter
	row   *storage.Delivery
	known bool  // see [hardening.Delivery]
	begun bool  // an attempt is written down once, however many requests it takes
	news  bool  // the inbox has not been told before
	fault error // why it could not be written down that one is made
}

var (
	errWithdrawn = errors.New("the act was withdrawn")
	errEdited    = errors.New("the act may say something else now")
)

// known says whether an inbox was told of what an act takes back or changes. Whoever follows the actor knows the actor.
func (q *Queue) known(ctx context.Context, l *letter, inbox string) (bool, error) {
	switch {
	case l.Type == vocab.TypeUndo:
		for _, undone := range l.document.Objects("object") {
			if told, err := q.DB.IsToldOf(ctx, inbox, undone.ID()); err != nil || told {
				return told, err
			}
		}
	case l.Object == l.Actor:
		return true, nil
	case l.Type == vocab.TypeUpdate || l.Type == vocab.TypeDelete:
		return q.DB.IsTold(ctx, inbox, l.Object, l.URI)
	}
	return false, nil
}

// begin writes down that an attempt is made, before the first byte: after a crash the act counts as told, so that it can
// be taken back.
func (a *attempt) begin(ctx context.Context, tx storage.Tx) error {
	a.begun = true
	a.fault = func() error {
		if tx.Edits() != a.edits {
			return errEdited
		}
		there, err := tx.CountAttempt(ctx, a.row)
		if err == nil && !there {
			err = errWithdrawn
		}
		if err != nil {
			return err
		}
		a.news, err = tx.PutTold(ctx, &storage.Told{Object: a.Object, Inbox: a.row.Inbox, Act: a.URI, ToldAt: storage.Now()})
		return err
	}()
	return a.fault
}

// tell makes one request; a second one where the actor's former key was to be signed with and is not taken any more.
func (a *attempt) tell(ctx context.Context, scheme httpsig.Scheme) outcome {
	if a.SignFormer != nil {
		sign, err := a.SignFormer(ctx, a.Act, scheme)
		if err != nil {
			return outcome{verdict: held, reason: "the key to sign with cannot be read"}
		}
		if sign != nil {
			if o := a.request(ctx, sign, scheme); o.status != http.StatusUnauthorized {
				return o
			}
		}
	}
	sign, err := a.Sign(ctx, a.Actor, scheme)
	if err != nil {
		return outcome{verdict: held, reason: "there is no key to sign with"}
	}
	return a.request(ctx, sign, scheme)
}

func (a *attempt) request(ctx context.Context, sign hardening.Signer, scheme httpsig.Scheme) outcome {
	d := hardening.Delivery{Document: a.document, Object: a.Object, Release: a.ReleaseAt.Time, Inbox: a.row.Inbox, Sign: sign,
		Known: a.known, Views: &a.views}
	if !a.begun {
		d.Also = a.begin
	}
	receipt, err := a.Gate.Deliver(ctx, d)
	if err != nil {
		return a.untaken(ctx, err)
	}
	o := outcome{verdict: judge(receipt.Status), status: receipt.Status, wait: receipt.RetryAfter, reached: true}
	if o.verdict == arrived {
		o.scheme = scheme
	} else {
		o.reason = fmt.Sprintf("answered with status %d", receipt.Status)
	}
	return o
}

// untaken says what it means that there was no answer.
func (q *Queue) untaken(ctx context.Context, err error) outcome {
	var exchange *egress.Error
	dialled := errors.As(err, &exchange)
	reached := dialled && exchange.Stage != egress.StageDial && exchange.Stage != egress.StageTLS
	switch {
	case errors.Is(err, hardening.ErrWithheld):
		return outcome{verdict: withheld}
	case errors.Is(err, redact.ErrBelowFloor), errors.Is(err, redact.ErrUnknownKind), errors.Is(err, redact.ErrNotJSON):
		return outcome{verdict: hopeless, reason: "the policy leaves nothing that its server could read"}
	case errors.Is(err, egress.ErrTooLarge):
		return outcome{verdict: hopeless, reason: "answered at too great a length", reached: true}
	case !hardening.Temporary(err):
		return outcome{verdict: hopeless, reason: "its address may not be dialled"}
	case ctx.Err() != nil:
		return outcome{verdict: cut, reached: reached}
	case errors.Is(err, egress.ErrRelayDown): // which says nothing about the server, like what follows
		return outcome{verdict: held, reason: "the relay to it is down"}
	case errors.Is(err, egress.ErrNames):
		return outcome{verdict: held, reason: "its name cannot be looked up by way of its relay"}
	case dialled:
		return outcome{verdict: failing, reason: "no answer", reached: reached}
	}
	if !errors.Is(err, egress.ErrNoRelay) { // which the owner has been told, and is no fault
		q.Log.Warn("a delivery could not leave", "err", err)
	}
	return outcome{verdict: held, reason: "it could not leave"}
}

// judge says what the status of an answer means for the act.
func judge(status int) verdict {
	switch {
	case status >= 200 && status < 300:
		return arrived
	case slices.Contains(busy, status):
		return failing
	case status >= 400 && status < 500, status == http.StatusMovedPermanently, status == http.StatusPermanentRedirect,
		status == http.StatusNotImplemented:
		return hopeless
	}
	return refused
}

// busy are the statuses by which a server says that it takes nothing now. 401 is one: it may have failed to fetch the key.
var busy = []int{http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// doubtful says that an answer may mean that the signature's scheme was not understood. Of a server that has taken a
// scheme before, only the status that is about signatures does, so that its other refusals cost one request.
func doubtful(status int, known httpsig.Scheme) bool {
	return status == http.StatusUnauthorized || known == 0 && (status == http.StatusForbidden || status == http.StatusBadRequest)
}

func other(s httpsig.Scheme) httpsig.Scheme {
	if s == httpsig.Cavage {
		return httpsig.RFC9421
	}
	return httpsig.Cavage
}
