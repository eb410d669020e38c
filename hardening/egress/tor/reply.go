package tor

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

const (
	maxLine  = 8 << 10  // bytes of a line
	maxReply = 64 << 10 // of a reply, data included
)

// answer is a reply of the daemon (control-spec, section 2.3): its status, and its lines without it. Lines of data follow the
// one that announces them.
type answer struct {
	status string
	lines  []string
}

var errForm = errors.New("tor: not a control port")

// readReply reads the next reply that is no event. The error says nothing of what was read.
func readReply(r *bufio.Reader) (answer, error) {
	var a answer
	for size := 0; ; {
		line, err := readLine(r, &size)
		if err != nil {
			return answer{}, err
		}
		if len(line) < 4 || strings.Trim(line[:3], "0123456789") != "" {
			return answer{}, errForm
		}
		if a.status == "" {
			a.status = line[:3]
		} else if a.status != line[:3] {
			return answer{}, errForm
		}
		a.lines = append(a.lines, line[4:])
		switch line[3] {
		case ' ':
			if a.status[0] != '6' {
				return a, nil
			}
			a, size = answer{}, 0
		case '-':
		case '+':
			for {
				if line, err = readLine(r, &size); err != nil {
					return answer{}, err
				}
				if line == "." {
					break
				}
				a.lines = append(a.lines, strings.TrimPrefix(line, "."))
			}
		default:
			return answer{}, errForm
		}
	}
}

func readLine(r *bufio.Reader, size *int) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errForm
	} else if err != nil {
		return "", fmt.Errorf("tor: control port: %w", err)
	}
	if *size += len(line); *size > maxReply {
		return "", errForm
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

// value gives the value of KEY=value in a line of fields; one in quotes is taken out of them.
func value(line, key string) (string, bool) {
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			return "", false
		}
		name, rest, ok := strings.Cut(line, "=")
		if space := strings.IndexByte(name, ' '); !ok || space >= 0 {
			if space < 0 {
				return "", false
			}
			line = line[space:]
			continue
		}
		var v string
		if strings.HasPrefix(rest, `"`) {
			if v, rest, ok = unquote(rest); !ok {
				return "", false
			}
		} else {
			v, rest, _ = strings.Cut(rest, " ")
		}
		if name == key {
			return v, true
		}
		line = rest
	}
}

// unquote takes a quoted string off the front. A backslash stands before a character that is meant as it is; the escapes for
// others, which no path of a cookie needs, are refused.
func unquote(s string) (v, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' && s[i] != '\'' {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// quote is unquote's reverse.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
