package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/storage"
)

// maxText bounds what is read from standard input, in bytes; how long a post may be is for the node to say.
const maxText = 4 * federation.MaxText

func (m *Main) postCommand() *cli.Command {
	return &cli.Command{
		Name: "post", Category: catPosts, Usage: "write a post",
		UsageText: "dunnock post [OPTIONS] [TEXT | -]",
		Description: "Without TEXT, or with -, the text is read from standard input. Pictures are cleaned of what the camera " +
			"wrote into them before they leave." +
			examples(`dunnock post "Hello, world"`,
				`dunnock post --reply-to https://example.com/@bob/1 "@bob@example.com Yes."`,
				`dunnock post --visibility followers --expires 30d --cw food "Soup."`,
				`dunnock post --media cat.jpg --alt "A cat asleep" "Look"`,
				`dunnock post --poll "tea|coffee" --poll-closes 1d "Which?"`,
				`fortune | dunnock post`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "visibility", Usage: "`WHO` may see it: public, unlisted, followers or direct (those mentioned); if not given, whoever may see the post it answers, else public"},
			&cli.StringFlag{Name: "reply-to", Usage: "answer the post `URL`"},
			&cli.StringFlag{Name: "quote", Usage: "quote the post `URL`"},
			&cli.StringFlag{Name: "cw", Usage: "hide it behind the content warning `TEXT`"},
			&cli.BoolFlag{Name: "sensitive", Usage: "hide the pictures until clicked"},
			&cli.StringFlag{Name: "language", Usage: "its language as a `CODE`, such as en or pt-BR"},
			&cli.StringSliceFlag{Name: "media", Usage: "attach a `FILE`; may be repeated"},
			&cli.StringSliceFlag{Name: "alt", Usage: "describe the picture with `TEXT`, once for each --media, in their order"},
			&cli.StringFlag{Name: "poll", Usage: "ask with the `CHOICES`, parted by |"},
			&cli.BoolFlag{Name: "poll-multiple", Usage: "allow several choices"},
			&cli.StringFlag{Name: "poll-closes", Value: "1d", Usage: "close the poll after `TIME`, such as 12h or 3d; 1d if not given"},
			&cli.StringFlag{Name: "expires", Usage: "delete the post after `TIME`, such as 30d"},
			jsonFlag(),
		},
		Action: m.post,
	}
}

func (m *Main) post(c *cli.Context) error {
	args := control.NewPost{Visibility: storage.Visibility(c.String("visibility")), ReplyTo: c.String("reply-to"), Quote: c.String("quote"),
		Warning: c.String("cw"), Sensitive: c.Bool("sensitive"), Language: c.String("language")}
	switch args.Visibility {
	case "":
		if c.IsSet("visibility") {
			return usagef("--visibility is public, unlisted, followers or direct, and not empty")
		}
	case storage.Public, storage.Unlisted, storage.Followers, storage.Direct:
	default:
		return usagef("--visibility is public, unlisted, followers or direct, not %s", quoted(c.String("visibility")))
	}
	var err error
	if c.IsSet("expires") {
		if args.ExpiresIn, err = parseSeconds(c.String("expires")); err != nil {
			return err
		}
	}
	if args.Poll, err = question(c); err != nil {
		return err
	}
	if args.Media, err = m.media(c.StringSlice("media"), c.StringSlice("alt")); err != nil {
		return err
	}
	if args.Text, err = m.text(c, c.Args().Slice(), args.Media != nil || args.Poll != nil); err != nil {
		return err
	}
	return ask(m, c, "post", args, (*page).written)
}

// written is what is left to say of a post just made.
func (p *page) written(x federation.Post) {
	p.f("%s", link(x))
	if x.State == "waiting" {
		p.lines("", "It waits; nobody has been told yet.")
	}
}

// text is the one argument, or standard input in its place. It may be empty when something else is posted.
func (m *Main) text(c *cli.Context, values []string, mayBeEmpty bool) (string, error) {
	if len(values) > 1 {
		return "", usageError{"put the text in quotes: " + c.Command.HelpName + ` "…"`, c.Command.HelpName}
	}
	text := ""
	if len(values) == 1 && values[0] != "-" {
		text = values[0]
	} else if len(values) == 1 || !mayBeEmpty {
		data, err := io.ReadAll(io.LimitReader(m.Stdin, maxText+1))
		if err != nil {
			return "", fmt.Errorf("reading the text: %w", err)
		}
		if len(data) > maxText {
			return "", usagef("the text on standard input is longer than %d KiB", maxText>>10)
		}
		text = string(data)
	}
	if text = strings.TrimSpace(text); text == "" && !mayBeEmpty {
		return "", usageError{"there is no text", c.Command.HelpName}
	}
	return text, nil
}

// media reads the files and pairs them with their descriptions in order.
func (m *Main) media(files, alts []string) ([]control.Picture, error) {
	if len(alts) != len(files) && len(alts) != 0 {
		return nil, usagef("%d --media and %d --alt: give each file one, in the same order, or none at all", len(files), len(alts))
	}
	if len(alts) < len(files) {
		m.errors().lines("", "Without --alt, people who do not see the picture learn nothing of it.")
	}
	var media []control.Picture
	for i, name := range files {
		data, err := readPicture(name)
		if err != nil {
			return nil, err
		}
		one := control.Picture{Data: data}
		if len(alts) > 0 {
			one.Alt = alts[i]
		}
		media = append(media, one)
	}
	return media, nil
}

func readPicture(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("%v", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, federation.MaxUpload+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > federation.MaxUpload {
		return nil, usagef("%s is larger than %d MiB", name, federation.MaxUpload>>20)
	}
	return data, nil
}

// question is the poll that the flags describe, nil for none.
func question(c *cli.Context) (*control.Question, error) {
	if !c.IsSet("poll") {
		if c.IsSet("poll-multiple") || c.IsSet("poll-closes") {
			return nil, usageError{`--poll-multiple and --poll-closes need --poll "one|two"`, c.Command.HelpName}
		}
		return nil, nil
	}
	q := &control.Question{Multiple: c.Bool("poll-multiple")}
	for option := range strings.SplitSeq(c.String("poll"), "|") {
		if option = strings.TrimSpace(option); option == "" {
			return nil, usagef(`--poll has an empty choice: write "tea|coffee"`)
		}
		q.Options = append(q.Options, option)
	}
	if len(q.Options) < 2 {
		return nil, usagef(`--poll needs two choices or more: write "tea|coffee"`)
	}
	var err error
	q.ClosesIn, err = parseSeconds(c.String("poll-closes"))
	return q, err
}
