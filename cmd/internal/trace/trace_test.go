package trace

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const table = "kind,person,zone,unix\nlike,b,60,1704067300\npost,b,60,1704067200\nelsewhere,b,60,1704067250\npost,\"a, b\",0,1704067201\n"

func TestRead(t *testing.T) {
	people, err := Read(strings.NewReader(table))
	if err != nil || len(people) != 2 || people[0].Name != "a, b" || len(people[1].Acts) != 2 || people[1].Acts[0].Kind != "post" || people[1].Acts[1].At.Unix() != 1704067300 {
		t.Errorf("%+v, %v", people, err)
	}
	if len(people[1].Elsewhere) != 1 || people[1].Offset != nil {
		t.Errorf("%+v", people[1])
	}
	if timed := people[1].Timed(); timed[0].Other || !timed[1].Other || !timed[1].At.Equal(people[1].Acts[1].At) {
		t.Errorf("%+v", timed)
	}
	if people, err := Read(strings.NewReader("person,unix,utc_offset_minutes\nx,5,60\nx,6,-300\nx,7,-300\n")); err != nil || *people[0].Offset != -300 {
		t.Errorf("with offsets: %+v, %v", people, err)
	}
	if people, err := Read(strings.NewReader("person,unix\nx,5\n")); err != nil || people[0].Acts[0].Kind != "post" {
		t.Errorf("without kinds: %+v, %v", people, err)
	}
	var out strings.Builder
	if len(people[0].Elsewhere) != 0 {
		t.Errorf("%+v", people)
	}
	if err := Write(&out, people, [][]time.Time{{{}}, {time.Unix(1704067210, 9e8), {}}}); err != nil {
		t.Error(err)
	}
	const want = "person,act_unix,kind,release_unix\n\"a, b\",1704067201,post,\nb,1704067200,post,1704067210\nb,1704067300,like,\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	back, err := ReadReleases(strings.NewReader(want), people)
	if err != nil || !back[0][0].IsZero() || back[1][0].Unix() != 1704067210 || !back[1][1].IsZero() {
		t.Errorf("%v, %v", back, err)
	}
	for text, why := range map[string]string{
		"":                                       "line 1: it is empty",
		"person,unix\n":                          "line 1: the columns are not",
		want + "b,1704067300,like,\n":            "line 5: there is more",
		want[:len(want)-5]:                       "line 4: ",
		strings.Replace(want, "b,17", "c,17", 1): "line 3: it is not of the trace, where b has a post at 1704067200",
		strings.Replace(want, "1704067210", "soon", 1):                 "line 3: release_unix",
		strings.Join(strings.SplitAfter(want, "\n")[:3], ""):           "it ends before act 1704067300 of b",
		strings.Replace(want, "1704067200,post", "1704067200,like", 1): "line 3: it is not of the trace",
	} {
		if _, err := ReadReleases(strings.NewReader(text), people); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]Fault{
		"":                                          {Line: 1, Why: "it is empty"},
		"person,unix\n":                             {Line: 1, Why: "there are no acts"},
		"name,unix\na,1\n":                          {Line: 1, Column: "person", Why: "there is no such column"},
		"person,time\na,1\n":                        {Line: 1, Column: "unix", Why: "there is no such column"},
		"person,unix\na,1\nb,x\n":                   {Line: 3, Column: "unix", Why: `"x" is no time`},
		"person,unix\na,-1\n":                       {Line: 2, Column: "unix", Why: "is no time"},
		"person,unix\na,99999999999\n":              {Line: 2, Column: "unix", Why: "is no time"},
		"person,unix\n,1\n":                         {Line: 2, Column: "person", Why: "it is empty"},
		"person,unix,kind\na,1,follow\n":            {Line: 2, Column: "kind", Why: `"follow" is none of`},
		"person,unix,kind\na,1\n":                   {Line: 2, Why: "wrong number of fields"},
		"person,unix\n\"a\nb\",1\na,2\"x\n":         {Line: 4, Why: "bare"},
		"person,unix,kind\na,1,elsewhere\n":         {Line: 1, Why: "there are no acts"},
		"person,unix\n\na,1\n\n\nb,no\nc,1":         {Line: 6, Column: "unix", Why: "is no time"},
		"person,unix,utc_offset_minutes\na,1,900\n": {Line: 2, Column: "utc_offset_minutes", Why: "is no offset"},
		"person,unix\na,1.5\n":                      {Line: 2, Column: "unix", Why: "is no time"},
		"\xef\xbb\xbfperson,unix\na,1\n":            {Line: 1, Column: "person", Why: "there is no such column"},
		"person,unix\na,9223372036854775808":        {Line: 2, Column: "unix", Why: "is no time"},
	} {
		people, err := Read(strings.NewReader(text))
		var f *Fault
		if !errors.As(err, &f) || f.Line != want.Line || f.Column != want.Column || !strings.Contains(f.Why, want.Why) || people != nil {
			t.Errorf("%q: %v, %v", text, people, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(table)
	f.Fuzz(func(t *testing.T, text string) {
		people, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for i, p := range people {
			if i > 0 && people[i-1].Name >= p.Name || len(p.Acts) == 0 {
				t.Fatalf("%+v", people)
			}
			for k, a := range p.Acts {
				if k > 0 && a.At.Before(p.Acts[k-1].At) {
					t.Fatal("out of order")
				}
			}
		}
	})
}
