package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/report"
)

const nasty = `<script>alert("&1")</script>`

// A model of two stages, one type of VM and one function.
const (
	document = `{"version":1,"stages":["a","b"],"reach":{"shares":[1,0.5],"from":"by hand"},"offers":{
		"vm":{"boot":"20s","times":[{"mean":"10ms","p99":"15ms"}]},"fn":{"times":[{"mean":"10ms","p99":"15ms"}]}}}`
	sheet = `{"vms":[{"name":"vm","vcpus":1,"memoryGB":1,"perHour":0.02}],
		"functions":[{"name":"fn","memoryMB":1024,"perCall":1e-7,"perGBSecond":2e-5}]}`
)

var update = flag.Bool("update", false, "run the comparison anew, rather than read what it came to")

const recorded = "testdata/report.json"

// made is ten minutes under three policies, of a model, traffic and prices with a nasty name; and one that cannot run.
// The comparison takes half a minute with the race detector, and has nothing to do with what is drawn of it.
var made = sync.OnceValues(func() (*compare.Report, error) {
	if *update {
		if err := record(); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(recorded)
	if err != nil {
		return nil, err
	}
	r := new(compare.Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	r.Stages[0], r.Planned = "stage "+nasty, "plan "+nasty
	r.Rows = append(r.Rows, &compare.Row{Policy: "Left out", Why: "because of " + nasty})
	return r, nil
})

func record() error {
	d, err1 := profile.ReadDocument(strings.NewReader(document))
	s, err2 := catalogue.ReadSheet(strings.NewReader(sheet))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	d.Model, s.Name, s.VMs[0].Name, s.VMs[0].Like = "model "+nasty, "prices "+nasty, "vm "+nasty, "vm"
	r, err := compare.Compare(context.Background(), compare.Ask{
		Profile: d, Prices: s, SLO: 300 * time.Millisecond, Rates: slices.Repeat([]float64{60}, 600), Traffic: "traffic " + nasty, Seed: 1, Seeds: 2,
		Policies: []string{compare.CostOptimal, compare.PerStage, compare.FunctionsOnly}, Detail: 20 * time.Second,
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(recorded, text, 0o666)
}

func reportOf(t *testing.T) *compare.Report {
	t.Helper()
	r, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// element is a parsed page.
type element struct {
	name, id, text string
	children       []*element
}

func parse(t *testing.T, page []byte) *element {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	root := &element{}
	open := []*element{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			if len(open) != 1 {
				t.Fatalf("%d elements are left open", len(open)-1)
			}
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		top := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			e := &element{name: x.Name.Local}
			for _, a := range x.Attr {
				if a.Name.Local == "id" {
					e.id = a.Value
				}
			}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			for _, e := range open {
				e.text += string(x)
			}
		}
	}
}

func (e *element) all(name string) (found []*element) {
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

func (e *element) with(id string) (found *element) {
	for _, c := range e.children {
		if c.id == id {
			return c
		}
		if found = c.with(id); found != nil {
			return found
		}
	}
	return nil
}

func pageOf(t *testing.T, r *compare.Report) *element {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return parse(t, b.Bytes())
}

// Each chart is on the page once, drawn, and has a caption.
func TestCharts(t *testing.T) {
	p := pageOf(t, reportOf(t))
	var ids []string
	for _, f := range p.all("figure") {
		ids = append(ids, f.id)
		if len(f.all("svg")) != 1 || len(f.all("path")) < 10 || len(f.all("text")) < 5 || len(f.all("figcaption")) != 1 {
			t.Errorf("%s: %d pictures, %d paths, %d texts", f.id, len(f.all("svg")), len(f.all("path")), len(f.all("text")))
		}
	}
	want := "[cost over-time-costoptimal split latency exits over-time-costoptimal-one-group-a-stage over-time-functionsonly]"
	if fmt.Sprint(ids) != want {
		t.Errorf("%v, want %s", ids, want)
	}
}

// The page's table is that of the comparison, to the last digit.
func TestTable(t *testing.T) {
	r := reportOf(t)
	bare := func(s string) string {
		return strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(s), "*")), "")
	}
	var table bytes.Buffer
	if err := r.Table(&table); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(table.String(), "\n")
	rows := pageOf(t, r).with("policies").all("tr")
	if len(rows) != 1+len(r.Rows)+1 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows[:len(r.Rows)] { // the head, and all that ran
		if got, want := bare(row.text), bare(lines[i]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if last := rows[len(rows)-2].text; last != "Left outleft out: because of "+nasty {
		t.Errorf("%q", last)
	}
	if groups := pageOf(t, r).with("plans").all("tr"); len(groups) != 1+len(r.Rows[0].Groups)+len(r.Rows[1].Groups)+len(r.Rows[2].Groups) {
		t.Errorf("%d groups", len(groups))
	}
}

// What charts say in words is what the comparison says.
func TestNumbersInCharts(t *testing.T) {
	r := reportOf(t)
	p := pageOf(t, r)
	for _, row := range r.Rows[:3] {
		if want := row.Total.Text(4) + ", SLO " + r.Verdict(row); !strings.Contains(p.with("cost").text, want) {
			t.Errorf("no %q in %s", want, p.with("cost").text)
		}
	}
	for _, share := range r.Rows[0].Exits {
		if want := fmt.Sprintf("%.1f %%", 100*share); !strings.Contains(p.with("exits").text, want) {
			t.Errorf("no %q in %s", want, p.with("exits").text)
		}
	}
}

// Names are text wherever they stand, and the page needs no other file.
func TestNames(t *testing.T) {
	p := pageOf(t, reportOf(t))
	for _, name := range []string{"script", "link", "img", "iframe", "image"} {
		if n := len(p.all(name)); n > 0 {
			t.Errorf("%d of %s", n, name)
		}
	}
	for where, text := range map[string]string{
		"model": p.all("h1")[0].text, "title": p.all("title")[0].text, "prices and traffic": p.all("dl")[0].text, "offer": p.with("plans").text,
		"stage": p.with("exits").text, "fleet": p.with("over-time-costoptimal").text, "reason": p.with("policies").text, "plan": p.with("planned").text,
	} {
		if !strings.Contains(text, nasty) {
			t.Errorf("%s: no %s in %s", where, nasty, text)
		}
	}
}

func TestPNG(t *testing.T) {
	charts, err := report.Charts(reportOf(t))
	if err != nil || len(charts) != 5 {
		t.Fatal(len(charts), err)
	}
	for _, c := range charts {
		var b bytes.Buffer
		if err := c.PNG(&b); err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(&b)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		colours := map[[3]uint32]bool{}
		for x := range picture.Bounds().Dx() {
			r, g, b, _ := picture.At(x, picture.Bounds().Dy()/2).RGBA()
			colours[[3]uint32{r, g, b}] = true
		}
		if picture.Bounds().Dx() != 1360 || len(colours) < 3 {
			t.Errorf("%s: %v, %d colours across the middle", c.Name, picture.Bounds(), len(colours))
		}
	}
}

func TestRefuses(t *testing.T) {
	plain := *reportOf(t)
	plain.Rows = nil
	if err := report.HTML(io.Discard, &plain); !errors.Is(err, report.ErrReport) || !strings.Contains(err.Error(), "no policy") {
		t.Error(err)
	}
	row := *reportOf(t).Rows[0]
	row.Results = slices.Clone(row.Results)
	row.Results[0].Samples = nil
	plain.Rows = []*compare.Row{&row}
	if err := report.HTML(io.Discard, &plain); !errors.Is(err, report.ErrReport) || !strings.Contains(err.Error(), "set Detail") {
		t.Error(err)
	}
}
