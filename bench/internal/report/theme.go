package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// A theme is a chart's colors on one background.
type theme struct {
	name             string
	back, text, grid color.Color
	raw, floor, ours color.Color
	others           []color.Color
}

var themes = []theme{
	{
		name: "light", back: color.White, text: gray(0x33), grid: gray(0xe4),
		raw: gray(0x11), floor: gray(0x70), ours: rgb(0xd6, 0x3a, 0x0f),
		others: []color.Color{rgb(0x1f, 0x77, 0xb4), rgb(0x2c, 0x8a, 0x4b), rgb(0x8a, 0x5c, 0xb8), rgb(0x9a, 0x7b, 0x1f), rgb(0x6b, 0x7b, 0x8c)},
	},
	{
		name: "dark", back: rgb(0x0d, 0x11, 0x17), text: gray(0xc8), grid: gray(0x2c),
		raw: gray(0xf4), floor: gray(0x98), ours: rgb(0xff, 0x7a, 0x45),
		others: []color.Color{rgb(0x5a, 0xae, 0xf0), rgb(0x5f, 0xc9, 0x82), rgb(0xc0, 0x97, 0xf2), rgb(0xd8, 0xb8, 0x4c), rgb(0x9a, 0xa9, 0xba)},
	},
}

func gray(v uint8) color.Color { return color.RGBA{v, v, v, 255} }

func rgb(r, g, b uint8) color.Color { return color.RGBA{r, g, b, 255} }

// dress puts a plot into a theme.
func dress(p *plot.Plot, th theme) {
	p.BackgroundColor = th.back
	p.Title.TextStyle.Color, p.Title.TextStyle.Font.Size = th.text, vg.Points(12)
	p.Title.Padding = vg.Points(8)
	p.Title.TextStyle.Font.Variant = "Sans"
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Variant, a.Tick.Label.Font.Variant = "Sans", "Sans"
		a.Color, a.Label.TextStyle.Color = th.text, th.text
		a.Tick.Color, a.Tick.Label.Color = th.text, th.text
		a.Tick.Label.Font.Size, a.Label.TextStyle.Font.Size = vg.Points(9), vg.Points(10)
		a.Padding = vg.Points(4)
	}
}
