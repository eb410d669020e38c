package federation

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// textOf is sanitised HTML as plain text: a line for each paragraph, item and break.
func textOf(content string) string {
	var out strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(content))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return out.String()
		case html.TextToken:
			out.Write(tokens.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			switch atom.Lookup(name) {
			case atom.Br, atom.Li, atom.Tr:
				out.WriteByte('\n')
			case atom.P, atom.Blockquote, atom.Pre, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
				if out.Len() > 0 {
					out.WriteString("\n\n")
				}
			}
		}
	}
}
