package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Chart is a picture and what it shows.
type Chart struct {
	Name    string // short, of letters and hyphens: its file's
	Title   string
	Caption string // what there is to see, with units

	panels []*plot.Plot // one above the other, with one horizontal axis
	high   vg.Length    // of all panels
}

const wide = 680 * vg.Length(1) // points

// draw draws all panels on a canvas, their axes aligned.
func (c *Chart) draw(on draw.Canvas) {
	on.SetColor(color.White)
	on.Fill(on.Rectangle.Path())
	column := make([][]*plot.Plot, len(c.panels))
	for i, p := range c.panels {
		column[i] = []*plot.Plot{p}
	}
	tiles := draw.Tiles{Rows: len(c.panels), Cols: 1, PadX: 4, PadY: 10, PadTop: 4, PadBottom: 4, PadLeft: 4, PadRight: 12}
	for i, row := range plot.Align(column, tiles, on) {
		c.panels[i].Draw(row[0])
	}
}

// SVG is the chart as an element for a page.
func (c *Chart) SVG() (template.HTML, error) {
	canvas := vgsvg.New(wide, c.high)
	c.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("drawing %s: %w", c.Name, err)
	}
	_, svg, found := bytes.Cut(b.Bytes(), []byte("<svg "))
	if !found {
		return "", fmt.Errorf("drawing %s: it is no SVG", c.Name)
	}
	return template.HTML("<svg role=\"img\" " + string(svg)), nil // all text in it is escaped by the canvas
}

// PNG writes the chart as a picture, of 1,360 pixels a line.
func (c *Chart) PNG(out io.Writer) error {
	canvas := vgimg.NewWith(vgimg.UseWH(wide, c.high), vgimg.UseDPI(144))
	c.draw(draw.New(canvas))
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(out); err != nil {
		return fmt.Errorf("drawing %s: %w", c.Name, err)
	}
	return nil
}

// Colours that people who see few colours can tell apart too (Okabe and Ito, 2008).
var (
	blue   = color.RGBA{0, 114, 178, 255}
	sky    = color.RGBA{86, 180, 233, 255}
	orange = color.RGBA{230, 159, 0, 255}
	red    = color.RGBA{213, 94, 0, 255}
	green  = color.RGBA{0, 158, 115, 255}
	pink   = color.RGBA{204, 121, 167, 255}
	grey   = color.RGBA{120, 120, 120, 255}
)

// VM groups are blue, functions orange; further ones of each are lighter.
func shade(c color.RGBA, n int) color.RGBA {
	mix := func(x uint8) uint8 { return uint8(255 - float64(255-x)*math.Pow(0.6, float64(n))) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}

// newPlot is a plot in the style of all.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	sans := func(f *font.Font, size vg.Length) { f.Typeface, f.Variant, f.Size = "Liberation", "Sans", size }
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		sans(&a.Label.TextStyle.Font, 10)
		sans(&a.Tick.Label.Font, 9)
		a.LineStyle.Color, a.Tick.LineStyle.Color = grey, grey
		a.Padding = 2
	}
	sans(&p.Legend.TextStyle.Font, 9)
	p.Legend.Top, p.Legend.Padding = true, 2
	p.X.Label.Text, p.Y.Label.Text = x, y
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{225}, color.Gray{225}
	p.Add(grid)
	return p
}

// line is through points, solid.
func line(points plotter.XYs, c color.Color) (*plotter.Line, error) {
	l, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	l.Color, l.Width = c, 1.2
	return l, nil
}

// mark is a broken line, for what is not data of a policy.
func mark(points plotter.XYs, c color.Color) (*plotter.Line, error) {
	l, err := line(points, c)
	if err == nil {
		l.Dashes = []vg.Length{4, 3}
	}
	return l, err
}

// bars are horizontal, one a row, stacked on others.
func bars(values plotter.Values, on *plotter.BarChart, c color.Color) (*plotter.BarChart, error) {
	b, err := plotter.NewBarChart(values, 11)
	if err != nil {
		return nil, err
	}
	b.Horizontal, b.Color, b.LineStyle.Width = true, c, 0
	if on != nil {
		b.StackOn(on)
	}
	return b, nil
}

// texts are written at points, in the middle of their height.
func texts(points plotter.XYs, labels []string, align draw.XAlignment, c color.Color) (*plotter.Labels, error) {
	l, err := plotter.NewLabels(plotter.XYLabels{XYs: points, Labels: labels})
	if err != nil {
		return nil, err
	}
	l.Offset.Y = 1 // the middle of digits, not of letters
	for i := range l.TextStyle {
		s := &l.TextStyle[i]
		s.Font.Typeface, s.Font.Variant, s.Font.Size = "Liberation", "Sans", 8
		s.XAlign, s.YAlign, s.Color = align, draw.YCenter, c
	}
	return l, nil
}
