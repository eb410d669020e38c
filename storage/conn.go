package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
)

// maxCompiled bounds the statements that a connection keeps compiled. One takes some kilobytes.
const maxCompiled = 96

// maxText bounds, in bytes, what a connection keeps to read the next statement in.
const maxText = 16 << 10

// connector opens connections that compile a statement once and keep it.
type connector struct{ driver.Connector }

func newConnector(dsn string) (driver.Connector, error) {
	c, err := new(sqlitedriver.SQLite).OpenConnector(dsn)
	return connector{c}, err
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner.(sqlitedriver.Conn), compiled: map[string]*compiled{}}, nil
}

// conn is a connection. Like every driver's, it is used by one goroutine at a time.
type conn struct {
	sqlitedriver.Conn
	compiled map[string]*compiled // those not running, by text
	text     []byte               // these two: what lift works in
	values   []any
	clock    int // counts uses
}

// compiled is a statement, reset and without values while it is kept.
type compiled struct {
	*sqlite3.Stmt
	text    string
	columns []string
	used    int
}

// Close releases the statements before the connection, which would not close with them.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.compiled {
		errs = append(errs, s.Close())
	}
	clear(c.compiled)
	return errors.Join(append(errs, c.Conn.Close())...)
}

// QueryContext runs a statement. One that cannot be kept compiled is left to the driver.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &rows{conn: c, stmt: s, ctx: ctx}, nil
}

// ExecContext is the same for a statement whose rows, if it has any, do not matter. A transaction that SQLite has ended
// already, because of the error that it is to be rolled back for, is no error.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if query == "ROLLBACK" && c.Raw().GetAutocommit() {
		return result{}, nil
	}
	s, err := c.take(ctx, query, args)
	if errors.Is(err, driver.ErrSkip) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	if err != nil {
		return nil, err
	}
	raw := c.Raw()
	defer raw.SetInterrupt(raw.SetInterrupt(ctx))
	raw.SetLastInsertRowID(0)
	for s.Step() {
	}
	err = s.Err()
	res := result{id: raw.LastInsertRowID(), changed: raw.Changes()}
	if err := errors.Join(err, c.keep(s)); err != nil {
		return nil, err
	}
	return res, nil
}

// take gets a statement ready to run: from those that are kept, or newly compiled. Its values stand beside it, or in its
// text.
func (c *conn) take(ctx context.Context, query string, args []driver.NamedValue) (*compiled, error) {
	text, values, ok := c.text[:0], c.values[:0], true
	if len(args) == 0 {
		text, values, ok = lift(query, text, values)
	} else {
		text = append(text, query...)
		for _, a := range args {
			ok = ok && a.Name == "" && binds(a.Value)
			values = append(values, a.Value)
		}
	}
	defer func() {
		clear(values) // the statement has its own copies
		if c.text, c.values = text, values; cap(text) > maxText {
			c.text = nil
		}
	}()
	if !ok {
		return nil, driver.ErrSkip
	}
	s := c.compiled[string(text)]
	if s != nil {
		delete(c.compiled, s.text)
	} else {
		raw := c.Raw()
		defer raw.SetInterrupt(raw.SetInterrupt(ctx))
		stmt, _, err := raw.PrepareFlags(string(text), sqlite3.PREPARE_PERSISTENT)
		if err != nil {
			return nil, err
		}
		s = &compiled{Stmt: stmt, text: string(text)}
		for i := range stmt.ColumnCount() {
			s.columns = append(s.columns, stmt.ColumnName(i))
		}
	}
	for i, v := range values {
		var err error
		switch v := v.(type) { // nil: as it is
		case string:
			err = s.BindText(i+1, v)
		case int64:
			err = s.BindInt64(i+1, v)
		case bool:
			err = s.BindBool(i+1, v)
		case []byte:
			err = s.BindBlob(i+1, v)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// binds says whether take knows how to bind a value.
func binds(v driver.Value) bool {
	switch v.(type) {
	case nil, string, int64, bool, []byte:
		return true
	}
	return false
}

// keep puts a statement back after it ran, in place of the one that was used longest ago if there are too many.
func (c *conn) keep(s *compiled) error {
	_ = s.Reset() // says once more how the last step went
	if err := s.ClearBindings(); err != nil || c.compiled[s.text] != nil {
		return errors.Join(err, s.Close())
	}
	c.clock++
	s.used = c.clock
	c.compiled[s.text] = s
	if len(c.compiled) <= maxCompiled {
		return nil
	}
	oldest := s
	for _, other := range c.compiled {
		if other.used < oldest.used {
			oldest = other
		}
	}
	delete(c.compiled, oldest.text)
	return oldest.Close()
}

// rows are what a statement returns.
type rows struct {
	conn *conn
	stmt *compiled // nil: closed
	ctx  context.Context
}

func (r *rows) Columns() []string { return r.stmt.columns }

// Close may be called again: the statement may belong to others by then.
func (r *rows) Close() error {
	s := r.stmt
	if s == nil {
		return nil
	}
	r.stmt = nil
	return r.conn.keep(s)
}

func (r *rows) Next(into []driver.Value) error {
	raw := r.conn.Raw()
	defer raw.SetInterrupt(raw.SetInterrupt(r.ctx))
	if !r.stmt.Step() {
		if err := r.stmt.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i := range into {
		switch r.stmt.ColumnType(i) {
		case sqlite3.INTEGER:
			into[i] = r.stmt.ColumnInt64(i)
		case sqlite3.FLOAT:
			into[i] = r.stmt.ColumnFloat(i)
		case sqlite3.TEXT:
			into[i] = r.stmt.ColumnText(i)
		case sqlite3.BLOB:
			into[i] = r.stmt.ColumnBlob(i, []byte{})
		default:
			into[i] = nil
		}
	}
	return nil
}

type result struct{ id, changed int64 }

func (r result) LastInsertId() (int64, error) { return r.id, nil }
func (r result) RowsAffected() (int64, error) { return r.changed, nil }
