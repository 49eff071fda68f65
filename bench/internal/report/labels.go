package report

import (
	"cmp"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawLabels writes the name of each curve beside its end, in its color: in a column
// at the right, where names that would overlap move apart, or within the chart, where
// a curve ends early.
func drawLabels(p *plot.Plot, c draw.Canvas, cs []curve, colors []color.Color) {
	data := p.DataCanvas(c)
	toX, toY := p.Transforms(&data)
	const height = vg.Length(11)
	style := p.Y.Tick.Label
	style.Font = font.From(style.Font, 9)
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter

	var column []int // those that reach the right edge
	ends := make([]vg.Point, len(cs))
	for i, curve := range cs {
		last := curve.XYs[len(curve.XYs)-1]
		ends[i] = vg.Point{X: toX(last.X), Y: toY(last.Y)}
		if last.X < p.X.Max {
			style.Color = colors[i]
			c.FillText(style, vg.Point{X: ends[i].X + 7, Y: ends[i].Y}, curve.label)
			continue
		}
		column = append(column, i)
	}
	slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(ends[b].Y, ends[a].Y) })
	wanted := make([]vg.Length, len(column))
	for k, i := range column {
		wanted[k] = ends[i].Y
	}
	for k, y := range spread(wanted, height, data.Min.Y, data.Max.Y) {
		i, x := column[k], data.Max.X+16
		style.Color = colors[i]
		leader := draw.LineStyle{Color: colors[i], Width: vg.Points(0.5)}
		c.StrokeLines(leader, []vg.Point{{X: ends[i].X + 4, Y: ends[i].Y}, {X: data.Max.X + 5, Y: y}, {X: x - 2, Y: y}})
		c.FillText(style, vg.Point{X: x, Y: y}, cs[i].label)
	}
}

// spread returns places near those wanted, which come from the top down, that are at
// least so far apart and between the bounds.
func spread(wanted []vg.Length, apart, low, high vg.Length) []vg.Length {
	place := slices.Clone(wanted)
	next := high
	for i := range place {
		place[i] = min(place[i], next)
		next = place[i] - apart
	}
	floor := low
	for i := range slices.Backward(place) {
		place[i] = max(place[i], floor)
		floor = place[i] + apart
	}
	return place
}
