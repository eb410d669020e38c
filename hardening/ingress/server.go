package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves one handler within the limits of a Config, on as many listeners as there are ways in.
type Server struct {
	http  *http.Server
	guard *guard
	admit *admission
	tls   *tls.Config
	drain time.Duration
}

// NewServer makes a server for h. c.Address and c.SocketMode are not its business. Nothing that log is given holds anything
// that a client sent, or its address.
func NewServer(h http.Handler, c Config, log *slog.Logger) *Server {
	c = c.withDefaults()
	g := &guard{
		next: h, log: log, peers: newPeers(), proxies: proxies{c.TrustedProxies, c.TrustSocket}, limiter: newLimiter(c), probe: c.Probe,
		maxBody: c.MaxBody, bodyLimit: c.BodyLimit,
	}
	s := &http.Server{
		Handler:                      g,
		ReadHeaderTimeout:            c.HeaderTimeout,
		ReadTimeout:                  c.ReadTimeout,
		WriteTimeout:                 c.WriteTimeout,
		IdleTimeout:                  c.IdleTimeout,
		MaxHeaderBytes:               c.MaxHeaderBytes,
		ErrorLog:                     quietLogger(log),
		DisableGeneralOptionsHandler: true,
		Protocols:                    new(http.Protocols),
	}
	s.Protocols.SetHTTP1(true)
	s.ConnState = changed
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connContext{}, below(c))
	}
	return &Server{http: s, guard: g, admit: newAdmission(c.MaxConns, c.MaxPeerConns, g.connected), tls: c.TLS, drain: c.DrainTimeout}
}

// Strangers says whether there was a visitor whose address is not known: see the function of that name.
func (s *Server) Strangers() bool { return s.guard.strangers.Load() }

type connContext struct{}

// changed follows a connection: it waits for a request until its head is there.
func changed(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateIdle:
		below(c).wait(time.Now())
	case http.StateActive, http.StateHijacked:
		below(c).wait(time.Time{})
	}
}

// below is the connection below one of net/http's.
func below(c net.Conn) *admittedConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*admittedConn)
}

// Serve answers what arrives on ln until ctx ends; then it stops accepting, gives requests under way Config.DrainTimeout, and
// ends what is left. It returns nil after that and after Shutdown, and closes ln in every case. It can be called for several
// listeners at once; the end of one call's ctx ends them all.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ln = s.admit.listener(ln)
	if s.tls != nil {
		ln = tls.NewListener(ln, s.tls)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(ln) }()
	select {
	case err := <-failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("ingress: serving: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	err := s.Shutdown(ctx)
	<-failed
	return err
}

// Shutdown stops accepting and waits for the requests under way. When ctx ends first, they are cut off; that is no error.
// Hijacked connections are their handlers' to end.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if ctx.Err() != nil {
		err = s.http.Close()
	}
	if err != nil {
		return fmt.Errorf("ingress: shutting down: %w", err)
	}
	return nil
}
