package report

import (
	"bytes"
	"cmp"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/seed4712c49f/async/bench/internal/table"
)

// A curve is what one rival costs at each size.
type curve struct {
	label string
	plotter.XYs
}

// charted reports whether there is enough for a chart: cost at three sizes.
func charted(r *Run, op table.Op) bool {
	return op.Kind == table.Time && op.SizeOf != "" && len(r.of(op)) >= 3
}

// chartFile names the file of an operation's chart.
func chartFile(op table.Op, theme string) string {
	return strings.NewReplacer(",", "", " ", "-").Replace(op.Name) + "-" + theme + ".svg"
}

// costName says what a chart shows: where the work grows with the size, the share of
// one member, so that a line which rises is one that grows faster than the work.
func costName(op table.Op) string { return "time for each " + cmp.Or(op.Each, op.Unit) }

// WriteCharts writes the charts of a run into a folder, each for both backgrounds.
func WriteCharts(r *Run, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, op := range table.Ops {
		if !charted(r, op) {
			continue
		}
		for _, th := range themes {
			svg, err := chart(op, curves(r, op), th)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, chartFile(op, th.name)), svg, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// curves are those of an operation. Of a rival with several forms the first is
// shown, but of this library and raw Go all.
func curves(r *Run, op table.Op) []curve {
	results := r.of(op)
	var cs []curve
	shown := map[string]bool{}
	for _, label := range labelsOf(results) {
		rival, _, _ := strings.Cut(label, ":")
		if shown[rival] && rank(label) == rankOther {
			continue
		}
		shown[rival] = true
		c := curve{label: label}
		for _, res := range results {
			if row, ok := find(res, label); ok {
				at := plotter.XY{X: float64(res.Size), Y: row.NS}
				if op.Each != "" {
					at.Y /= at.X
				}
				c.XYs = append(c.XYs, at)
			}
		}
		if len(c.XYs) > 1 {
			cs = append(cs, c)
		}
	}
	return cs
}

const (
	chartWidth  = 7.6 * vg.Inch
	chartHeight = 4.4 * vg.Inch
	labelWidth  = 2.2 * vg.Inch
	margin      = vg.Length(8)
)

// chart draws curves on log axes, with their names at their ends.
func chart(op table.Op, cs []curve, th theme) ([]byte, error) {
	p := plot.New()
	dress(p, th)
	p.Title.Text = op.Name + ": " + costName(op)
	p.X.Label.Text = "number of " + op.SizeOf
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(sizeTicks(cs)), plot.TickerFunc(timeTicks)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = th.grid, th.grid
	p.Add(grid)

	colors := make([]color.Color, len(cs))
	others := 0
	for i, c := range cs {
		line, dots, err := plotter.NewLinePoints(c.XYs)
		if err != nil {
			return nil, err
		}
		switch rank(c.label) {
		case rankRaw:
			colors[i], line.Width = th.raw, vg.Points(2)
		case rankFloor:
			colors[i], line.Width = th.floor, vg.Points(1.2)
			line.Dashes = []vg.Length{vg.Points(6), vg.Points(3)}
		case rankOurs:
			colors[i], line.Width = th.ours, vg.Points(2.5)
		default:
			colors[i], line.Width = th.others[others%len(th.others)], vg.Points(1.2)
			if others >= len(th.others) {
				line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			}
			others++
		}
		if i > 0 && rank(c.label) < rankOther && rank(c.label) == rank(cs[i-1].label) {
			line.Dashes = []vg.Length{vg.Points(2), vg.Points(2)} // another form of the same
		}
		line.Color, dots.Color = colors[i], colors[i]
		dots.Shape, dots.Radius = draw.CircleGlyph{}, vg.Points(2)
		p.Add(line, dots)
	}
	frame(p, cs)

	canvas := vgsvg.New(chartWidth, chartHeight)
	whole := draw.New(canvas)
	whole.SetColor(th.back)
	whole.Fill(whole.Path())
	left := draw.Crop(whole, margin, -labelWidth, margin, -margin)
	p.Draw(left)
	drawLabels(p, left, cs, colors)
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	return plainFonts(out.Bytes()), nil
}

// fontFamily is what the writer of SVGs asks for: fonts that few have.
var fontFamily = regexp.MustCompile(`font-family:[^;"]*`)

// plainFonts asks for whatever the reader has without serifs.
func plainFonts(svg []byte) []byte {
	return fontFamily.ReplaceAll(svg, []byte("font-family:system-ui,sans-serif"))
}

// frame sets the axes to what the curves need.
func frame(p *plot.Plot, cs []curve) {
	x0, x1, y0, y1 := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, c := range cs {
		for _, at := range c.XYs {
			x0, x1, y0, y1 = min(x0, at.X), max(x1, at.X), min(y0, at.Y), max(y1, at.Y)
		}
	}
	p.X.Min, p.X.Max = x0, x1
	p.Y.Min, p.Y.Max = y0*0.8, y1*1.25
}
