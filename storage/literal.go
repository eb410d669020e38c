package storage

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
)

// bun writes values into the text of a statement, so that no two inserts have the same text and SQLite would compile each
// of them anew, which takes longer than running it. lift undoes that: it takes the values out again, and what is left is
// the same for all statements of one place in the code.

// lift returns a statement with a parameter in place of each value in it, and the values. false says that it has to run as
// it stands: it is none of those that rows are read and written with, or has what lift does not know.
//
// A value after <> stays: the conditions of partial indexes are written so, and where the use of one depends on a parameter
// SQLite compiles the statement anew for each value of it. For the same reason the value after LIMIT stays. So do NULL, TRUE,
// FALSE and fractions.
//
// What it returns is made in text and values, which may be used again when the statement runs no more.
func lift(query string, text []byte, values []any) ([]byte, []any, bool) {
	text, values = text[:0], values[:0]
	verb, _, _ := strings.Cut(query, " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
	case "SAVEPOINT", "RELEASE", "ROLLBACK":
		return append(text, query...), values, verb != "ROLLBACK" || strings.HasPrefix(query, "ROLLBACK TO ")
	default:
		return text, values, false
	}
	for i := 0; i < len(query); {
		c := query[i]
		end, value := i+1, any(nil)
		switch {
		case c == '"':
			end, _ = quoted(query, i)
		case c == '\'':
			end, value = quoted(query, i)
		case (c == 'X' || c == 'x') && i+1 < len(query) && query[i+1] == '\'':
			var digits any
			if end, digits = quoted(query, i+1); digits == nil {
				return text, values, false
			}
			b, err := hex.DecodeString(digits.(string))
			if err != nil {
				return text, values, false
			}
			value = b
		case isDigit(c):
			for end < len(query) && (isWord(query[end]) || query[end] == '.') {
				end++
			}
			if n, err := strconv.ParseInt(query[i:end], 10, 64); err == nil {
				value = n
			}
		case isWord(c):
			for end < len(query) && isWord(query[end]) {
				end++
			}
		case strings.IndexByte("?:@$;`[", c) >= 0, strings.HasPrefix(query[i:], "--"), strings.HasPrefix(query[i:], "/*"):
			return text, values, false
		}
		if end < 0 {
			return text, values, false
		}
		if value == nil || planned(bytes.TrimRight(text, " ")) {
			text = append(text, query[i:end]...)
		} else {
			text, values = append(text, '?'), append(values, value)
		}
		i = end
	}
	return text, values, len(values) <= maxValues
}

// planned says that SQLite chooses its way by the value that comes after text.
func planned(text []byte) bool {
	return bytes.HasSuffix(text, []byte("<>")) || bytes.HasSuffix(text, []byte(" LIMIT"))
}

// maxValues bounds the values of one statement, so that a list of many does not make a text for each length of it.
const maxValues = 100

// quoted reads what stands in quotes at i, which in it are doubled. It returns where it ends, -1 if it does not, and what it
// says.
func quoted(s string, i int) (end int, value any) {
	quote, doubled := s[i], false
	for j := i + 1; j < len(s); j++ {
		if s[j] != quote {
			continue
		}
		if j+1 < len(s) && s[j+1] == quote {
			j++
			doubled = true
			continue
		}
		if !doubled {
			return j + 1, s[i+1 : j]
		}
		q := string(quote)
		return j + 1, strings.ReplaceAll(s[i+1:j], q+q, q)
	}
	return -1, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}
