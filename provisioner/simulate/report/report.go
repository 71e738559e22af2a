// Package report draws what a comparison of policies came to: a page for a browser, in one file that needs
// no other, and pictures. Nothing that decides imports it.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"dollars": func(f compare.Figure) string { return f.Text(4) },
	"percent": func(digits int, x float64) string { return fmt.Sprintf("%.*f %%", digits, 100*x) },
	"ms":      func(f compare.Figure) string { return fmt.Sprintf("%.1f ms", 1e3*f.Mean) },
	"number":  func(digits int, x float64) string { return fmt.Sprintf("%.*f", digits, x) },
	"hours":   func(seconds int) string { return fmt.Sprintf("%.4g", float64(seconds)/3600) },
	"seconds": func(s float64) string { return time.Duration(s * float64(time.Second)).String() },
}).Parse(pageText))

// figure is a chart on the page.
type figure struct {
	*Chart
	Picture template.HTML
	Open    bool // else a reader unfolds it
}

// HTML writes a page with a table of all policies, all charts, and traffic and fleet over time under each
// policy. It holds all that it shows: no script, and nothing that is fetched. The error is that of Charts, or of out.
func HTML(out io.Writer, r *compare.Report) error {
	all, err := Charts(r)
	if err != nil {
		return err
	}
	shown, _ := Shown(r) // Charts has found one
	data := struct {
		*compare.Report
		Shown, Cheapest *compare.Row
		Figures         []figure
	}{Report: r, Shown: shown, Cheapest: r.Cheapest()}
	for _, row := range ran(r) {
		if row != shown {
			c, err := OverTime(row)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
	}
	for i, c := range all {
		f := figure{Chart: c, Open: i < len(all)-len(ran(r))+1}
		if f.Picture, err = c.SVG(); err != nil {
			return err
		}
		data.Figures = append(data.Figures, f)
	}
	return page.Execute(out, data)
}
