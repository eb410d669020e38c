package httpsig

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cavageParams are the parameters of a Signature header (draft-cavage-12, section 2.1), as written.
type cavageParams struct {
	keyID, algorithm, headers, signature string
	created, expires                     string // decimal digits
}

// parseCavageParams reads name="value" pairs separated by commas; created and expires may stand without quotes. A name
// given twice, in whatever case, is refused: two readers could take two different ones. Names that are not known are
// passed over.
func parseCavageParams(line string) (p cavageParams, err error) {
	var names []string
	for rest := strings.TrimSpace(line); ; {
		name, after, ok := strings.Cut(rest, "=")
		if !ok || !isToken(name) {
			return p, refuse("parameters do not parse")
		}
		folded := strings.ToLower(name)
		if slices.Contains(names, folded) {
			return p, refuse("parameter given twice")
		}
		if names = append(names, folded); len(names) > maxParams {
			return p, refuse("too many parameters")
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			if value, rest, ok = strings.Cut(after[1:], `"`); !ok || strings.Contains(value, `\`) {
				return p, refuse("parameters do not parse")
			}
		} else {
			end := strings.IndexAny(after, ", ")
			if end < 0 {
				end = len(after)
			}
			if value, rest = after[:end], after[end:]; !isDigits(value) {
				return p, refuse("parameters do not parse")
			}
		}
		switch name {
		case "keyId":
			p.keyID = value
		case "algorithm":
			p.algorithm = value
		case "headers":
			p.headers = value
		case "signature":
			p.signature = value
		case "created":
			p.created = value
		case "expires":
			p.expires = value
		}
		if rest = strings.TrimLeft(rest, " \t"); rest == "" {
			return p, nil
		}
		if rest[0] != ',' {
			return p, refuse("parameters do not parse")
		}
		rest = strings.TrimLeft(rest[1:], " \t")
	}
}

// unixTime reads created and expires. Twelve digits last for 29,000 years and cannot overflow.
func unixTime(digits string) (time.Time, error) {
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) > 12 || !isDigits(digits) {
		return time.Time{}, refuse("created or expires does not parse")
	}
	return time.Unix(seconds, 0), nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
