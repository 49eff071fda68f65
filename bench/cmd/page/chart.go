// Charts: the time of each rival by size, as SVG on a light and a dark background.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A theme is a chart's colors on one background.
type theme struct {
	name             string
	back, text, grid rgb
	lines            []rgb // of raw Go, floors, this library, the others in turn
}

var themes = []theme{
	{"light", 0xffffff, 0x333333, 0xe4e4e4, []rgb{0x111111, 0x707070, 0xd63a0f, 0x1f77b4, 0x2c8a4b, 0x8a5cb8, 0x9a7b1f, 0xc2478f}},
	{"dark", 0x0d1117, 0xc8c8c8, 0x2c2c2c, []rgb{0xf4f4f4, 0x989898, 0xff7a45, 0x5aaef0, 0x5fc982, 0xc097f2, 0xd8b84c, 0xf08cc4}},
}

// An rgb is a color.
type rgb uint32

func (c rgb) RGBA() (r, g, b, a uint32) {
	return color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255}.RGBA()
}

// A curve is what one rival takes at each size.
type curve struct {
	key
	plotter.XYs
}

// curves are those of a benchmark, the highest at the largest size first. A curve is the
// time for one member, so a flat line is work in proportion to the size. For a standing
// set it is the time for one operation. What the yardstick takes at the smallest size
// is 1. For fewer than three sizes there are none.
func (p *page) curves(bench string) (cs []curve) {
	sizes := p.sizes(bench)
	if len(sizes) < 3 {
		return nil
	}
	share := func(k key) float64 {
		if bench == "Set" {
			return p.median(k, perOp)
		}
		return p.median(k, perOp) / float64(k.n)
	}
	for _, n := range sizes {
		for _, k := range p.at(bench, n) {
			i := slices.IndexFunc(cs, func(c curve) bool { return c.rival == k.rival })
			if i < 0 {
				i, cs = len(cs), append(cs, curve{key: k})
			}
			cs[i].XYs = append(cs[i].XYs, plotter.XY{X: float64(n), Y: share(k) / share(p.yardstick(bench, sizes[0]))})
		}
	}
	cs = slices.DeleteFunc(cs, func(c curve) bool { return len(c.XYs) < 2 })
	slices.SortStableFunc(cs, func(a, b curve) int { return cmp.Compare(b.XYs[len(b.XYs)-1].Y, a.XYs[len(a.XYs)-1].Y) })
	return cs
}

// chartFile names the file of a benchmark's chart.
func chartFile(bench, theme string) string {
	return strings.ToLower(bench) + "-" + theme + ".svg"
}

// picture shows the chart that fits the reader's background.
func (p *page) picture(bench string) string {
	if p.curves(bench) == nil {
		return ""
	}
	return fmt.Sprintf("<picture>\n<source media=\"(prefers-color-scheme: dark)\" srcset=\"charts/%s\">\n<img alt=\"%s: time by size, on log axes\" src=\"charts/%s\">\n</picture>\n\n",
		chartFile(bench, "dark"), bench, chartFile(bench, "light"))
}

// fontFamily is what the writer of SVGs asks for: fonts that few readers have.
var fontFamily = regexp.MustCompile(`font-family:[^;"]*`)

// writeCharts writes the charts into a folder, each for both backgrounds, in place of
// those that are there.
func (p *page) writeCharts(dir string) error {
	failed := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755))
	for bench := range p.says {
		for _, th := range themes {
			if p.curves(bench) == nil {
				continue
			}
			canvas, svg := vgsvg.New(chartWidth, chartHeight), strings.Builder{}
			err := p.draw(bench, th, canvas)
			_, written := canvas.WriteTo(&svg)
			text := fontFamily.ReplaceAllString(svg.String(), "font-family:system-ui,sans-serif")
			failed = errors.Join(failed, err, written, os.WriteFile(filepath.Join(dir, chartFile(bench, th.name)), []byte(text), 0o644))
		}
	}
	return failed
}

const (
	chartWidth  = 8.4 * vg.Inch
	chartHeight = 4.6 * vg.Inch
	legendWidth = 2.7 * vg.Inch
	margin      = vg.Length(10)
)

// draw draws the chart of a benchmark, with the legend beside it.
func (p *page) draw(bench string, th theme, canvas vg.CanvasSizer) error {
	chart, legend := plot.New(), plot.NewLegend()
	dress(chart, &legend, th)
	each, smallest := "one member", p.sizes(bench)[0]
	if bench == "Set" {
		each = "one completion"
	}
	chart.Title.Text = fmt.Sprintf("%s: time for %s; %s at %d is 1", bench, each, form(p.yardstick(bench, smallest)), smallest)
	chart.X.Label.Text, chart.Y.Label.Text = "size (log scale)", "ratio (log scale)"
	chart.X.Scale, chart.Y.Scale = plot.LogScale{}, plot.LogScale{}
	chart.X.Tick.Marker, chart.Y.Tick.Marker = sizeTicks(p.sizes(bench)), plot.TickerFunc(ratioTicks)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = th.grid, th.grid
	chart.Add(grid)
	var nth [4]int // curves of each rank so far
	for _, c := range p.curves(bench) {
		line, dots, err := plotter.NewLinePoints(c.XYs)
		if err != nil {
			return err
		}
		rank := c.rank()
		style(line, th, rank, nth[rank])
		nth[rank]++
		dots.Color, dots.Shape, dots.Radius = line.Color, draw.CircleGlyph{}, vg.Points(2)
		chart.Add(line, dots)
		legend.Add(form(c.key), line, dots)
	}
	chart.Y.Min, chart.Y.Max = chart.Y.Min*0.8, chart.Y.Max*1.25
	whole := draw.New(canvas)
	whole.SetColor(th.back)
	whole.Fill(whole.Path())
	chart.Draw(draw.Crop(whole, margin, -legendWidth, margin, -margin))
	legend.Draw(draw.Crop(whole, chartWidth-legendWidth+margin, -margin, margin, -4*margin))
	return nil
}

// style gives a curve its color, and a dash to what would look like another: nth says
// how many of its rank there are before.
func style(line *plotter.Line, th theme, rank, nth int) {
	others := len(th.lines) - 3
	line.Color, line.Width = th.lines[min(rank, 3)+nth*(rank/3)%others], vg.Points([]float64{2, 1.3, 2.6, 1.3}[rank])
	if rank == 1 {
		line.Dashes = []vg.Length{6, 3}
	}
	if rank < 3 && nth > 0 || nth >= others {
		line.Dashes = []vg.Length{2, 2}
	}
}

// dress puts a chart and its legend into a theme.
func dress(p *plot.Plot, l *plot.Legend, th theme) {
	p.BackgroundColor = th.back
	for _, text := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &l.TextStyle,
	} {
		text.Color, text.Font.Variant, text.Font.Size = th.text, "Sans", vg.Points(10)
	}
	p.Title.TextStyle.Font.Size, p.Title.Padding = vg.Points(13), vg.Points(8)
	p.X.Color, p.X.Tick.Color, p.Y.Color, p.Y.Tick.Color = th.text, th.text, th.text, th.text
	l.Top, l.Left, l.Padding = true, true, vg.Points(4)
}

// sizeTicks marks the sizes that were measured.
func sizeTicks(sizes []int) (ticks plot.ConstantTicks) {
	for _, n := range sizes {
		ticks = append(ticks, plot.Tick{Value: float64(n), Label: digits(float64(n))})
	}
	return ticks
}

// ratioTicks marks powers of ten, and where there are few of them their double and
// fivefold.
func ratioTicks(low, high float64) (ticks []plot.Tick) {
	steps := []float64{1, 2, 5}
	if high/low > 200 {
		steps = steps[:1]
	}
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for _, step := range steps {
			if v := step * math.Pow(10, e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: digits(v)})
			}
		}
	}
	return ticks
}
