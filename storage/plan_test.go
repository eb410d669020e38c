package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"
)

// grow are the tables that are not small for being one person's own.
var grow = []string{"actors", "actor_keys", "posts", "polls", "votes", "follows", "reactions", "pins", "relations", "notifications",
	"timeline", "acts", "deliveries", "hosts", "told", "inbound", "disclosures", "blobs"}

// whole are the queries that may read a table from end to end, each by how it ends or what it holds, and why.
var whole = map[string]string{
	`FROM "timeline" AS "timeline_entry" ORDER BY`:      "in the order of its rows, up to the limit",
	`FROM "notifications" AS "notification" ORDER BY`:   "likewise",
	`FROM "deliveries" AS "delivery" ORDER BY "act_id"`: "`dunnock queue` shows all there is",
	`FROM "relations" AS "relation" WHERE (kind`:        "`dunnock block list`: by the owner, few",
	`SELECT "received_at" FROM "inbound"`:               "Latest: the last row alone",
	`SELECT "created_at" FROM "acts"`:                   "likewise",
	`SELECT "created_at" FROM "posts"`:                  "likewise",
	`SELECT "at" FROM "disclosures"`:                    "likewise",
	`FROM "blobs" AS "blob" ORDER BY "name"`:            "a check and a backup look at all",
	`count(*) FILTER (WHERE given_up)`:                  "`dunnock metrics` counts all there is, once an hour",
	`SELECT count(*) FROM "disclosures"`:                "likewise",
}

// recorder keeps the text of every statement that runs.
type recorder struct {
	mu         sync.Mutex
	statements map[string]bool
}

func (r *recorder) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (r *recorder) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch verb, _, _ := strings.Cut(e.Query, " "); verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
		r.statements[e.Query] = true
	}
}

// TestNoQueryReadsAWholeTable runs every query and write there is, with made-up arguments, and asks SQLite how it goes about
// each statement that they run: what a table costs must not depend on how much is in it.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	seen := &recorder{statements: map[string]bool{}}
	record := func(db *DB) *DB {
		db.readers, db.writer.db = db.readers.WithQueryHook(seen), db.writer.db.WithQueryHook(seen)
		db.Queries = Queries{db.readers}
		return db
	}
	for _, test := range recordTests { // with rows, so that each gets to its end
		test(t, record(open(t)))
	}
	db := record(open(t))
	undo := errors.New("undo")
	methods := 0
	for m := range reflect.TypeFor[Tx]().Methods() {
		err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
			methods++
			call(ctx, tx, m)
			return errors.Join(undo, statements(tx, func(text string) {
				if strings.Contains(text, "$1") { // bun has the others
					seen.statements[text] = true
				}
			}))
		})
		if !errors.Is(err, undo) {
			t.Fatalf("%s: %v", m.Name, err)
		}
	}
	t.Logf("%d statements of %d methods", len(seen.statements), methods)
	used := map[string]bool{}
	for statement := range seen.statements {
		for _, step := range plan(t, db, statement) {
			table, scan := strings.CutPrefix(step, "SCAN ")
			if table, _, _ = strings.Cut(table, " "); !scan || !grows(table) {
				continue
			}
			if part := allowed(statement); part != "" {
				used[part] = true
			} else {
				t.Errorf("%s\n\t%s", step, statement)
			}
		}
	}
	for part := range whole {
		if !used[part] {
			t.Errorf("no query needs leave to read a whole table for %s", part)
		}
	}
}

// call runs a method with made-up arguments.
func call(ctx context.Context, tx Tx, m reflect.Method) {
	args := []reflect.Value{reflect.ValueOf(tx)}
	for in := range m.Type.Ins() {
		if len(args) > 1 || in != reflect.TypeFor[Tx]() {
			args = append(args, madeUp(ctx, in))
		}
	}
	if len(args) > m.Type.NumIn() {
		args = args[:m.Type.NumIn()]
	}
	if m.Type.IsVariadic() {
		m.Func.CallSlice(args)
	} else {
		m.Func.Call(args)
	}
}

// statements are the texts of those that the writer's connection keeps compiled: what has run lately, bun's or not.
func statements(tx Tx, each func(text string)) error {
	return tx.db.(bun.Conn).Raw(func(c any) error {
		for text := range c.(*conn).compiled {
			each(text)
		}
		return nil
	})
}

// plan is how SQLite goes about a statement as it runs, with the values lifted out of its text.
func plan(t *testing.T, db *DB, statement string) (steps []string) {
	text, values, ok := lift(statement, nil, nil)
	if !ok {
		text, values = []byte(statement), nil
	}
	for strings.Contains(statement, fmt.Sprintf("$%d", len(values)+1)) {
		values = append(values, nil)
	}
	rows, err := db.readers.DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+string(text), values...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	return steps
}

// grows says whether a table, or the alias that bun gives its rows, is one of those that do.
func grows(table string) bool {
	return slices.ContainsFunc(grow, func(name string) bool {
		return name == table || strings.TrimSuffix(name, "s") == table || strings.HasPrefix(table, strings.TrimSuffix(name, "ies")+"y") || table == "timeline_entry"
	})
}

// allowed is the part of whole that a statement has.
func allowed(statement string) string {
	for part := range whole {
		if strings.Contains(statement, part) {
			return part
		}
	}
	return ""
}

// madeUp is a value of a type with something in it.
func madeUp(ctx context.Context, t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[context.Context]():
		v.Set(reflect.ValueOf(ctx))
	case t == reflect.TypeFor[Time]():
		v.Set(reflect.ValueOf(moment))
	case t.Kind() == reflect.String:
		v.SetString("x")
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		v.SetInt(1000) // of a limit, as large as any is: SQLite goes about it by that
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem())
	case t.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, madeUp(ctx, t.Elem())))
	case t.Kind() == reflect.Struct:
		if method := v.Addr().MethodByName("UnixMilli"); method.IsValid() {
			v.Set(reflect.ValueOf(moment.Time))
		} else {
			fill(v)
		}
	}
	return v
}
