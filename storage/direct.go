package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	bunschema "github.com/uptrace/bun/schema"
)

// What runs for every activity that comes in goes past bun: a statement whose text is always the same, with its values
// beside it ($1, $2 and so on, in the order in which they first stand there), has not to be written and read again.

// direct runs statements as they stand.
type direct interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (q Queries) direct() direct {
	switch db := q.db.(type) {
	case bun.Conn:
		return db.Conn
	case *bun.DB:
		return db.DB
	}
	panic(fmt.Sprintf("storage: queries run on a %T", q.db))
}

// insert adds a row, without setting its ID. With unique, a row that is there already is left as it is, and false says so.
func (tx Tx) insert(ctx context.Context, row any, unique bool) (bool, error) {
	record := reflect.ValueOf(row).Elem()
	table := tx.writer.db.Dialect().Tables().Get(record.Type())
	fields := table.Fields
	if fields[0].AutoIncrement && fields[0].HasZeroValue(record) { // for the database to give
		fields = fields[1:]
	}
	args := make([]any, len(fields))
	for i, f := range fields {
		var err error
		if args[i], err = value(f.Value(record)); err != nil {
			return false, fmt.Errorf("insert into %s: %s: %w", table.Name, f.Name, err)
		}
	}
	return changed(tx.direct().ExecContext(ctx, tx.writer.insertion(insertion{table, len(fields), unique}), args...))
}

// insertion is a kind of statement that adds rows.
type insertion struct {
	table  *bunschema.Table
	fields int // how many of them, from the last
	unique bool
}

// insertion is the text of such a statement.
func (w *writer) insertion(in insertion) string {
	if text, ok := w.insertions[in]; ok {
		return text
	}
	var columns, places []string
	for i, f := range in.table.Fields[len(in.table.Fields)-in.fields:] {
		columns, places = append(columns, string(f.SQLName)), append(places, fmt.Sprintf("$%d", i+1))
	}
	text := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", in.table.SQLName, strings.Join(columns, ", "), strings.Join(places, ", "))
	if in.unique {
		text += " ON CONFLICT DO NOTHING"
	}
	w.insertions[in] = text
	return text
}

var errNUL = errors.New("a text has a NUL in it")

// value is a field of a record as it is kept, which is as bun keeps it.
func value(field reflect.Value) (any, error) {
	switch field.Kind() {
	case reflect.String:
		text := field.String()
		if strings.IndexByte(text, 0) >= 0 {
			return nil, errNUL
		}
		if !utf8.ValidString(text) {
			text = string([]rune(text))
		}
		return text, nil
	case reflect.Int, reflect.Int64:
		return field.Int(), nil
	case reflect.Bool:
		return field.Bool(), nil
	}
	if v, ok := field.Interface().(driver.Valuer); ok {
		return v.Value()
	}
	if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Uint8 {
		if field.IsNil() {
			return nil, nil
		}
		return field.Bytes(), nil
	}
	text, err := json.Marshal(field.Interface())
	return strings.ReplaceAll(string(text), `\u0000`, `\\u0000`), err
}
